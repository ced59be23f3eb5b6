"""Policies built tiny from scratch: a tokenizer of whole words and numbers, a random model."""

from collections.abc import Iterable
from typing import Any, Final

from .chat_tokens import ChatTokens
from .policy import Policy, PolicyRecord
from .settings import TinySettings

PAD, USER, ASSISTANT, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"

TINY_TEMPLATE: Final = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}<|assistant|>{{ m['content'] }}<|end|>"
    "{% else %}<|user|>{{ m['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_PIECES: Final = r" ?[A-Za-z_']+| ?\d+|\n| ?[^\sA-Za-z_'\d]|\s"
"""A token is at most a word, a number, a mark or a line break, with the space before it."""
_POSITIONS: Final = 1024
"""Longest conversation a model from scratch is made for, in tokens."""
_NUMBER_SCALE: Final = 3.0
"""Size of the embeddings of numbers at the start, beside those of other tokens."""


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE tokenizer in which the words and numbers of `texts` are single tokens.

    Any other text is still encoded exactly, in more tokens.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, USER, ASSISTANT, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TINY_TEMPLATE
    return tokenizer


def build_tiny(
    texts: Iterable[str], settings: TinySettings, record: PolicyRecord, seed: int
) -> Policy:
    """A Llama-shaped model with random weights, and a tokenizer trained on `texts`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = train_tokenizer(texts, settings.vocabulary)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=_POSITIONS,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
        _order_numbers(model, tokenizer)
    return Policy(model, tokenizer, ChatTokens.of(tokenizer), record)


def _order_numbers(model: Any, tokenizer: Any) -> None:
    """Start the embeddings of number tokens as smooth waves of their value.

    Near numbers then begin alike, which a model this small would need many more games to find out.
    The waves are those of position encodings (Vaswani et al. 2017), mixed by a random matrix, and
    larger than other embeddings, because what a negotiator does depends on numbers first of all.
    """
    import torch

    ids, values = [], []
    for index in range(len(tokenizer)):
        text = tokenizer.decode([index]).strip()
        if text.isascii() and text.isdecimal():
            ids.append(index)
            values.append(float(text))
    weights = model.get_input_embeddings().weight
    scale = model.config.initializer_range
    periods = 2.0 ** torch.arange(2, 10)
    angles = 2 * torch.pi * torch.tensor(values)[:, None] / periods
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)
    mixed = waves @ torch.randn(waves.shape[1], weights.shape[1]) / waves.shape[1] ** 0.5
    with torch.no_grad():
        weights[ids] = _NUMBER_SCALE * scale * mixed * 2**0.5
