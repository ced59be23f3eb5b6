"""Policies: a causal language model with its tokenizer, checked, loaded and saved.

A checkpoint is a folder in transformers' own form plus `policy.json`, which says how its prompts
are written; `policy:<folder>` names it as an agent. LoRA checkpoints are folders in PEFT's form.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sotopia_env.errors import ConfigurationError, unknown_name
from sotopia_env.prompts import PromptStyle

from .chat_tokens import ChatTokens
from .settings import LoraSettings

_Kind = TypeVar("_Kind")

RECORD: Final = "policy.json"
_WEIGHTS: Final = ("model.safetensors", "model.safetensors.index.json")
_ADAPTER, _ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


class PolicyRecord(BaseModel):
    """What a checkpoint says about itself, in `policy.json`."""

    model_config = ConfigDict(frozen=True)

    style: PromptStyle
    """How observations are written for this policy."""
    max_turn_tokens: int
    """Longest assistant turn, stop token included."""
    temperature: float = 1.0
    """At which it was trained, and is sampled unless said otherwise."""
    stage: str
    """What made it: `clone`, `grpo`, ..."""
    scenario: str = ""


@dataclass(slots=True)
class Policy:
    """A model and all that is needed to talk to it."""

    model: Any
    tokenizer: Any
    chat: ChatTokens
    record: PolicyRecord

    def save(self, folder: Path) -> None:
        """Write model (safetensors), tokenizer and record into `folder`."""
        with without_progress_bars():
            self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        (folder / RECORD).write_text(self.record.model_dump_json(indent=2), encoding="utf-8")


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Keep the progress bars of transformers away: loading and saving are steps of ours."""
    from transformers.utils import logging

    bars: Any = logging
    were_shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if were_shown:
            bars.enable_progress_bar()


def check_path(path: str) -> None:
    """Refuse what is no model before anything heavy is imported.

    A name that is not a folder is taken for a hub id (`owner/name`) and checked by loading. Of
    weights only the headers are read, which say how long their files must be.

    Raises:
        ConfigurationError: saying what is missing or damaged.
    """
    folder = Path(path)
    if not folder.is_dir():
        if folder.exists() or path.count("/") != 1 or path.startswith((".", "/", "~")):
            raise ConfigurationError(f"{path} is no checkpoint: there is no such folder")
        return
    _check_model(folder)
    read_record(path)
    tokenizer = folder / "tokenizer_config.json"
    has_template = (folder / "chat_template.jinja").exists() or (
        tokenizer.exists() and b'"chat_template"' in tokenizer.read_bytes()
    )
    if not has_template:
        raise ConfigurationError(
            f"the tokenizer of {path} has no chat template; use an instruction-tuned model, or set "
            "tokenizer.chat_template and save it"
        )


def _check_model(folder: Path) -> None:
    is_adapter = (folder / _ADAPTER).exists()
    missing = [] if is_adapter or (folder / "config.json").exists() else ["config.json"]
    names = (_ADAPTER_WEIGHTS,) if is_adapter else _WEIGHTS
    weights = next((folder / name for name in names if (folder / name).exists()), None)
    if weights is None:
        missing.append(names[0])
    if weights is None or missing:
        raise ConfigurationError(f"{folder} is no checkpoint: it has no {' and no '.join(missing)}")
    _check_weights(weights)
    base = Path(_base_of(str(folder)))
    if is_adapter and base.is_dir():
        _check_model(base)


def _base_of(path: str) -> str:
    """Where the model itself is: of adapters their base, else the path."""
    adapter = Path(path) / _ADAPTER
    return _entry(adapter, "base_model_name_or_path", str) if adapter.exists() else path


def _check_weights(weights: Path) -> None:
    from safetensors import SafetensorError, safe_open

    is_index = weights.suffix == ".json"
    names = set(_entry(weights, "weight_map", dict).values()) if is_index else {weights.name}
    for file in sorted(weights.parent / str(name) for name in names):
        try:
            with safe_open(file, framework="numpy"):
                pass
        except (OSError, SafetensorError) as error:
            raise _damaged(file, error) from error


def _entry(file: Path, name: str, kind: type[_Kind]) -> _Kind:
    try:
        value = json.loads(file.read_bytes())[name]
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {value!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(file, error) from error
    return value


def _damaged(file: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"cannot load {file.parent}: {file.name} is damaged ({error}); get or save the model again"
    )


def check_tokenizer(path: str) -> ChatTokens:
    """Load the tokenizer of a folder or hub id, and take its chat template apart.

    Raises:
        ConfigurationError: when there is none, or its chat template cannot be used.
    """
    from transformers import AutoConfig, AutoTokenizer

    try:
        base = _base_of(path)
        check_attention(AutoConfig.from_pretrained(base), base)
        return ChatTokens.of(AutoTokenizer.from_pretrained(path))
    except (OSError, ValueError, RuntimeError) as error:
        problem = str(error).partition("\n")[0]
        raise ConfigurationError(
            f"cannot load {path}: it is neither a folder here nor a hub id that can be reached "
            f"({problem})"
            if not Path(path).is_dir()
            else f"cannot load {path}: {problem}"
        ) from error


def check_attention(config: Any, path: str) -> None:
    """Refuse layers whose state is more than the keys and values of every earlier token.

    The sampler puts games of different lengths into one batch and counts columns; a window would
    end at another token for each of them.

    Raises:
        ConfigurationError: naming the model's type and what it has in place of full attention.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    text = config.get_text_config()
    listed = getattr(text, "layer_types", None) or getattr(text, "attention_layers", None) or ()
    kinds = set(listed) - {"full_attention", "global"}
    if getattr(text, "sliding_window", None) is not None and not kinds:
        kinds = {"sliding_attention"}
    if getattr(MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None), "_is_stateful", False):
        kinds = {"recurrent state"}
    if kinds:
        raise ConfigurationError(
            f"{path} is of type {config.model_type}, with layers of {', '.join(sorted(kinds))}; "
            "games are sampled with full attention only"
        )


def read_record(path: str) -> PolicyRecord | None:
    """The record of one of our checkpoints; `None` for a model from elsewhere.

    Raises:
        ConfigurationError: when the record cannot be used, naming the part.
    """
    file = Path(path) / RECORD
    if not file.exists():
        return None
    try:
        return PolicyRecord.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(
            f"{file}: {where}: {first['msg']}; save the policy again, or remove the record"
        ) from error


def load_policy(
    path: str, *, default: PolicyRecord | None = None, dtype: str = "float32", merge: bool = False
) -> Policy:
    """Load a folder or hub id; a LoRA checkpoint with its base.

    Args:
        path: folder or hub id.
        default: the record of a model that brings none.
        dtype: of the weights, as torch names it.
        merge: fold an adapter into its base weights, for inference.

    Raises:
        ConfigurationError: when it is no checkpoint, or its chat template cannot be used.
    """
    check_path(path)
    from safetensors import SafetensorError
    from transformers import AutoTokenizer

    if Path(path).is_dir():
        path = str(Path(path).resolve())  # an adapter looks for its base under this name
    record = read_record(path) or default or record_of_stranger("chat")
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        chat = ChatTokens.of(tokenizer)
        with without_progress_bars():
            model = _load_model(path, torch_dtype(dtype), merge=merge)
        check_attention(model.config, path)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        problem = str(error).partition("\n")[0]
        raise ConfigurationError(f"cannot load {path}: {problem}") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Policy(model, tokenizer, chat, record)


def _load_model(path: str, dtype: Any, *, merge: bool) -> Any:
    if (Path(path) / _ADAPTER).exists():
        from peft import AutoPeftModelForCausalLM

        model = AutoPeftModelForCausalLM.from_pretrained(path, dtype=dtype, is_trainable=not merge)
        return model.merge_and_unload() if merge else model
    from transformers import AutoModelForCausalLM

    auto: Any = AutoModelForCausalLM
    model, report = auto.from_pretrained(path, dtype=dtype, output_loading_info=True)
    missing = sorted(report["missing_keys"])
    if missing:
        raise ValueError(f"its weights lack {missing[0]} and {len(missing) - 1} others")
    return model


def torch_dtype(name: str) -> Any:
    """The floating-point type of that name.

    Raises:
        ConfigurationError: if torch has none.
    """
    import torch

    kind = getattr(torch, name, None)
    if not isinstance(kind, torch.dtype) or not kind.is_floating_point:
        raise ConfigurationError(unknown_name("dtype", name, ("bfloat16", "float16", "float32")))
    return kind


def record_of_stranger(style: PromptStyle) -> PolicyRecord:
    """The record of a model that brings none."""
    return PolicyRecord(style=style, max_turn_tokens=160, stage="pretrained")


def with_lora(policy: Policy, settings: LoraSettings) -> Policy:
    """The policy with fresh adapters, its base weights frozen; one that has some stays as it is."""
    from peft import LoraConfig, PeftModel, get_peft_model

    if isinstance(policy.model, PeftModel):
        return policy
    config = LoraConfig(
        r=settings.r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=settings.target_modules,
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(policy.model, config)
    return Policy(model, policy.tokenizer, policy.chat, policy.record)
