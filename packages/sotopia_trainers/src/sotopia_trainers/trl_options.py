"""Options of TRL under TRL's own names: which have a place here, and which values can work.

TRL takes most values and fails when it uses them, after all games are played; here they are refused
before anything is written.
"""

import math
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_type_hints

import torch
from transformers import Trainer, get_scheduler
from trl import GRPOConfig, SFTConfig

from sotopia_env.errors import ConfigurationError, one_of

_OURS: Final[dict[str, Any]] = {"disable_tqdm": True, "save_total_limit": 2}
"""Options where ours differ from TRL's defaults; a configuration may set them."""
_TYPES: Final[dict[Any, tuple[str, tuple[type, ...]]]] = {
    int: ("a whole number", (int,)),
    int | None: ("a whole number or null", (int, NoneType)),
    int | str | None: ("a whole number, auto or null", (int, str, NoneType)),
    float: ("a number", (int, float)),
    float | None: ("a number or null", (int, float, NoneType)),
    bool: ("true or false", (bool,)),
    bool | None: ("true, false or null", (bool, NoneType)),
    dict | str | None: ("a mapping or null", (dict, NoneType)),
    dict[str, Any] | str | None: ("a mapping or null", (dict, NoneType)),
}
"""What an option of a type must be, for TRL takes any value and fails when it is used."""
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "importance_sampling_level": ("sequence", "token"),
    "loss_type": ("bnpo", "cispo", "dapo", "dr_grpo", "grpo", "luspo", "sapo", "vespo"),
    "scale_rewards": ("batch", "group", "none"),
}
"""Values TRL checks only when it uses them, and does not list itself."""
_INSTEAD: Final = {
    "games are sampled at grpo.temperature from the whole distribution": (
        *("top_k", "top_p", "min_p", "repetition_penalty"),
        *("generation_kwargs", "cache_implementation"),
    ),
    "games are sampled from the policy itself, in this process": (
        *("use_vllm", "vllm_*", "use_transformers_paged", "*_continuous_batching*"),
    ),
    "the longest turn is model.max_turn_tokens": (
        *("max_completion_length", "mask_truncated_completions"),
    ),
    "as many games are played at once as a step trains on": (
        *("steps_per_generation", "generation_batch_size", "num_generations_eval"),
    ),
    "the reward is the share of the surplus": ("reward_weights", "multi_objective_aggregation"),
    "advantages differ between the tokens of a row": ("use_liger_kernel", "liger_kernel_config"),
    "rows are cloned as they were played, one game each": (
        *("packing*", "eval_packing", "padding_free", "max_length", "truncation_mode"),
        *("assistant_only_loss", "completion_only_loss", "chat_template_path"),
        *("dataset_*", "eos_token", "pad_token"),
    ),
    "policies are evaluated by playing, as evaluation says": (
        *("eval_*", "do_eval", "do_predict", "*_eval", "load_best_model_at_end"),
        *("metric_for_best_model", "greater_is_better"),
    ),
    "the same command, run again, goes on where it stopped": (
        *("resume_from_checkpoint", "ignore_data_skip", "save_only_model"),
    ),
    "a checkpoint is written every save_steps steps": ("save_strategy",),
    "everything in a run follows from its own seed; set seed=<number>": ("seed", "data_seed"),
    "the model is loaded as model says": ("model_init_kwargs", "trust_remote_code"),
    "the reference stays the clone": ("sync_ref_model", "ref_model_*"),
    "rows lie in memory and need no workers": (
        *("dataloader_num_workers", "dataloader_prefetch_factor", "dataloader_persistent_workers"),
        *("dataloader_multiprocessing_context", "dataloader_in_order"),
    ),
    "a policy is trained by one process": (
        *("deepspeed", "ds3_*", "fsdp*", "accelerator_config", "parallelism_config"),
        *("ddp_*", "local_rank"),
    ),
    "figures go to metrics.jsonl and cloning.jsonl": (
        *("report_to", "run_name", "project", "trackio_*"),
    ),
    "nothing leaves this machine; the policy is in the run folder": (
        *("push_to_hub", "hub_*", "log_completions_hub_repo"),
    ),
}
"""What there is in place of options of TRL that have no place here."""
_LEAST: Final = {
    **dict.fromkeys(("per_device_train_batch_size", "gradient_accumulation_steps"), 1),
    **dict.fromkeys(("save_steps", "logging_steps", "max_steps", "save_total_limit"), 1),
    **dict.fromkeys(("learning_rate", "weight_decay", "max_grad_norm", "warmup_steps"), 0),
    **dict.fromkeys(("beta", "epsilon", "epsilon_high"), 0),
    **dict.fromkeys(("neftune_noise_alpha", "top_entropy_quantile"), 0),
}
"""Values below which TRL fails in the middle of a run, or does something nobody meant."""
_REFUSALS: Final = (
    *(AttributeError, ImportError, KeyError, OSError, RuntimeError, TypeError, ValueError),
)
"""What TRL and transformers raise for options they cannot use."""


def grpo_arguments(options: dict[str, Any], folder: Path, *, seed: int) -> GRPOConfig:
    """TRL's GRPO settings from ours.

    Raises:
        ConfigurationError: for an option that TRL does not have or that has no place here, or a
            value that cannot be used.
    """
    fixed = {
        "seed": seed,
        "shuffle_dataset": False,
        "remove_unused_columns": False,
        "logging_strategy": "steps",
        "logging_steps": 1,
    }
    arguments: GRPOConfig = _arguments(GRPOConfig, "grpo", options, folder, fixed)
    return arguments


def sft_arguments(options: dict[str, Any], folder: Path, *, seed: int) -> SFTConfig:
    """TRL's cloning settings from ours.

    Raises:
        ConfigurationError: for an option that TRL does not have or that has no place here, or a
            value that cannot be used.
    """
    fixed = {"seed": seed, "dataset_kwargs": {"skip_prepare_dataset": True}}
    arguments: SFTConfig = _arguments(SFTConfig, "bc", options, folder, fixed)
    if arguments.activation_offloading and arguments.device.type == "cpu":
        raise ConfigurationError("bc.activation_offloading needs a GPU; leave it out")
    return arguments


def _arguments(
    kind: type[Any], group: str, options: dict[str, Any], folder: Path, fixed: dict[str, Any]
) -> Any:
    types = get_type_hints(kind)
    free = {item.name for item in fields(kind)} - fixed.keys() - {"output_dir"}
    for name, value in options.items():
        for instead, patterns in _INSTEAD.items():
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                raise ConfigurationError(f"{group}.{name} has no effect here: {instead}")
        one_of(free, name, f"option of {kind.__name__}")
        _check_value(f"{group}.{name}", value, types[name], _LEAST.get(name))
    if not options.get("num_train_epochs", 1) > 0:
        raise ConfigurationError(
            f"{group}.num_train_epochs must be above 0, got {options['num_train_epochs']}"
        )
    cpu = {} if torch.cuda.is_available() else {"use_cpu": True, "bf16": False}
    try:
        arguments = kind(**{**_OURS, **cpu, **options, **fixed, "output_dir": str(folder)})
    except _REFUSALS as error:
        raise ConfigurationError(
            f"{group}: {kind.__name__} refuses its options: {error}"
        ) from error
    for item in fields(kind):
        choices = item.metadata.get("choices", _CHOICES.get(item.name))
        value = getattr(arguments, item.name)
        if choices and value is not None:
            one_of(choices, str(value), f"{group}.{item.name}")
    _rehearse(arguments, group)
    return arguments


def _check_value(name: str, value: Any, kind: Any, least: int | None) -> None:
    wanted, allowed = _TYPES.get(kind, ("", ()))
    if wanted and (type(value) not in allowed):
        raise ConfigurationError(f"{name} must be {wanted}, got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{name} must be a finite number, got {value}")
    if least is not None and value is not None and value < least:
        raise ConfigurationError(f"{name} must be at least {least}, got {value}")


def _rehearse(arguments: Any, group: str) -> None:
    """Make the optimiser and its schedule once, for TRL makes them after all games are played."""
    tried = f"{group}.optim={arguments.optim.value}"
    steps = max(arguments.max_steps, 1)
    try:
        optimizer, settings = Trainer.get_optimizer_cls_and_kwargs(arguments)
        weights = optimizer([torch.nn.Parameter(torch.zeros(1))], **settings)
        tried = f"{group}.lr_scheduler_type={arguments.lr_scheduler_type.value}"
        get_scheduler(
            arguments.lr_scheduler_type,
            weights,
            arguments.get_warmup_steps(steps),
            steps,
            arguments.lr_scheduler_kwargs,
        )
    except _REFUSALS as error:
        raise ConfigurationError(f"{tried} cannot be used: {error}") from error
