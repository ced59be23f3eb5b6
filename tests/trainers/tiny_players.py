"""Tiny policies made on the spot, samplers that recite, and games for them to play."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.functional import log_softmax
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sotopia_env.episode import Episode
from sotopia_env.runner import Cast, Task, run_episodes
from sotopia_trainers.data import ClonedRow
from sotopia_trainers.policy import Policy
from sotopia_trainers.rollout import PolicyAgent
from sotopia_trainers.sampling import SampledContext, Sampler, Turn
from sotopia_trainers.settings import TinySettings

LEARNER = "learner"
SHAPE = TinySettings(vocabulary=700, hidden_size=48, intermediate_size=96, layers=2, heads=2)
SMALL_MODEL = [
    "model.tiny.vocabulary=1000",
    "model.tiny.hidden_size=48",
    "model.tiny.intermediate_size=96",
    "model.tiny.layers=2",
    "model.tiny.heads=2",
    "bc.num_train_epochs=6",
    "bc.per_device_train_batch_size=16",
    "bc.learning_rate=1e-2",
    "bc.warmup_steps=2",
]
"""For a command: with 120 games, the smallest policy that makes offers."""
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def grpo_command(*arguments):
    """What a person types to train."""
    return [sys.executable, "-m", "sotopia_trainers.grpo", *arguments]


def run_grpo(cwd, *arguments):
    """Train as a person does, in a process of its own."""
    return subprocess.run(
        grpo_command(*arguments),
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=200,
    )


"""For a command."""
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHATML_SPECIALS = ("<|im_start|>", "<|endoftext|>", "<|im_end|>")


class Recited:
    """A sampler that says prepared lines: one list a game, in the order in which games begin."""

    def __init__(self, policy: Policy, scripts: Sequence[Sequence[str]]) -> None:
        self.policy = policy
        self._scripts = iter(scripts)
        self._lines: dict[SampledContext, list[str]] = {}

    async def sample(self, context: SampledContext, new_ids: list[int]) -> Turn:
        if context not in self._lines:
            self._lines[context] = list(next(self._scripts))
        ids = self.policy.chat.completion(self._lines[context].pop(0))
        return Turn(ids, [-1.0] * len(ids))


def play(
    sampler: Sampler, tasks: Sequence[Task], *, style: str = "brief", concurrency: int = 256
) -> list[Episode]:
    """Play tasks in which `learner` is the sampler's policy."""
    cast = Cast(style=style)
    cast.factories[LEARNER] = lambda seat, seed: PolicyAgent(seat, seed, sampler)
    return asyncio.run(run_episodes(tasks, cast=cast, concurrency=concurrency))


def games(count: int, *, partner: str = "scripted:linear") -> list[Task]:
    """Price negotiations of the learner, in both seats in turn."""
    return [
        Task(
            scenario=f"price_negotiation/train/{number}",
            agents=(LEARNER, partner) if number % 2 == 0 else (partner, LEARNER),
            seed=number,
        )
        for number in range(count)
    ]


def seat_of(episode: Episode) -> str:
    """The learner's seat."""
    return next(seat for seat, record in episode.seats.items() if record.agent == LEARNER)


def logprobs_of(model, ids: Sequence[int], temperature: float = 1.0) -> torch.Tensor:
    """Log-probabilities `(len(ids),)` by one forward pass without a cache; the first is unknown."""
    tokens = torch.tensor([list(ids)])
    with torch.inference_mode():
        logits = model(input_ids=tokens).logits[0, :-1].float()
    found = log_softmax(logits / temperature, dim=-1).gather(1, tokens[0, 1:, None]).squeeze(1)
    return torch.cat([torch.tensor([float("nan")]), found])


def clone(model, rows: Sequence[ClonedRow], steps: int) -> None:
    """Cross-entropy on the rows' labels, the plain way."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        batch = [rows[place] for place in rng.integers(len(rows), size=16)]
        width = max(len(row.input_ids) for row in batch)
        ids = [row.input_ids + [0] * (width - len(row.input_ids)) for row in batch]
        labels = [row.labels + [-100] * (width - len(row.labels)) for row in batch]
        loss = model(input_ids=torch.tensor(ids), labels=torch.tensor(labels)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def chat_tokenizer(
    texts: Sequence[str], template: str | None = CHATML, specials: Sequence[str] = CHATML_SPECIALS
) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer as chat models have them; the last special token ends a text."""
    core = Tokenizer(models.BPE())
    pieces = Regex(r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\n|\s+")
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pieces, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token=specials[-1],
        pad_token=specials[-2],
        additional_special_tokens=list(specials[:-2]),
    )
    tokenizer.chat_template = template
    return tokenizer


def chat_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Random weights behind a chat tokenizer."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LlamaForCausalLM(config)
