"""The one place that touches TRL's private surface; `tests/trainers` holds the contract tests.

TRL owns the loop, the loss and the optimiser. What it lacks, and what is added here: rewards and
advantages that come with the rollout, one advantage per token, steps without a finite gradient left
out, and checkpoints that are sealed.
"""

import json
import logging
import math
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import torch
from torch.nn.functional import pad
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from trl import GRPOTrainer, SFTTrainer

from sotopia_env.progress import Progress
from sotopia_env.run_folder import write_atomically

from .advantages import group_advantages, token_advantages
from .checkpoints import checkpoints, newest_complete, seal, step_of
from .data import ClonedRow
from .errors import TrainingError
from .policy import Policy, without_progress_bars
from .rollout import Row
from .trl_options import grpo_arguments, sft_arguments

_log = logging.getLogger(__name__)

Rollout: TypeAlias = Callable[[Sequence[str], int], tuple[list[Row], list[float]]]
"""`(prompts, step) -> (rows, rewards)`; a reward is NaN where the game was not scored."""

_LOST_STEPS: Final = 5
"""Steps in a row without a finite gradient after which training is given up."""

_LENGTHS: Final = 4
"""Groups of like length into which the rows of one pass through the model are divided."""


class _GameTrainer(GRPOTrainer):
    """GRPO whose rollouts are games: `(rows, tokens)` advantages replace TRL's one per row."""

    def __init__(self, *, rollout: Rollout, **settings: Any) -> None:
        self._rollout = rollout
        self._is_credited: list[list[int]] = []
        self._rewards: list[float] = []
        # with `beta` a reference model is loaded here
        with warnings.catch_warnings(), without_progress_bars():
            # that rollout_func may change is why TRL is pinned and the contract tests exist
            warnings.filterwarnings("ignore", "You are using 'rollout_func'", UserWarning)
            super().__init__(
                reward_funcs=[self._reward_of_game], rollout_func=self._play, **settings
            )

    def _play(self, prompts: list[Any], trainer: GRPOTrainer) -> dict[str, Any]:
        model: Any = self.model
        model.eval()
        rows, rewards = self._rollout(prompts, self.state.global_step)
        model.train()
        self._is_credited, self._rewards = [row.is_credited for row in rows], rewards
        return {
            "prompt_ids": [row.prompt_ids for row in rows],
            "completion_ids": [row.completion_ids for row in rows],
            "logprobs": [row.logprobs for row in rows],
            "env_mask": [row.is_own for row in rows],
            "game_reward": rewards,
            "invalid_moves": [row.invalid_moves for row in rows],
        }

    def _reward_of_game(
        self,
        game_reward: list[float],
        invalid_moves: list[int],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        rewards = [None if math.isnan(reward) else reward for reward in game_reward]
        log_metric("unscored_games", rewards.count(None) / len(rewards))
        log_metric("invalid_moves_per_game", sum(invalid_moves) / len(invalid_moves))
        return rewards

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        rewards = torch.tensor(self._rewards, device=output["completion_ids"].device)
        size: Any = self.num_generations
        scale: Any = self.scale_rewards
        per_row = group_advantages(rewards, size, scale)
        width = output["completion_ids"].shape[1]
        output["advantages"] = token_advantages(per_row, self._is_credited, width)
        return output

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, **settings: Any
    ) -> Any:
        """TRL's own, on games of like length together: it pads all to the longest of a step."""
        rows = input_ids.size(0)
        order = attention_mask.sum(dim=1).argsort()
        size = math.ceil(min(rows, settings.pop("batch_size", None) or rows) / _LENGTHS)
        parts = []
        for chosen in order.split(size):
            mask = attention_mask[chosen]
            padding = int(mask.flip(1).argmax(dim=1).min())  # behind all of them
            spare = min(padding, logits_to_keep - 1)
            width = mask.size(1) - spare
            *found, loss = super()._get_per_token_logps_and_entropies(
                model,
                input_ids[chosen, :width],
                mask[:, :width],
                logits_to_keep - spare,
                **settings,
            )
            parts.append([None if f is None else pad(f, (0, spare)) for f in found] + [loss])
        back = order.argsort()
        logps, entropies, losses = zip(*parts, strict=True)
        return (
            torch.cat(logps)[back],
            None if entropies[0] is None else torch.cat(entropies)[back],
            None if losses[0] is None else torch.stack(losses).mean(),
        )


def train_grpo(
    policy: Policy,
    prompts: Sequence[str],
    rollout: Rollout,
    options: dict[str, Any],
    folder: Path,
    *,
    seed: int,
) -> None:
    """Train `policy` in place; continues from the newest complete checkpoint in `folder`.

    `metrics.jsonl` in the parent folder gets one line a step. `prompts` name the games, one a
    group, in the order in which they are played.

    Raises:
        ConfigurationError: for options that `grpo_arguments` refuses.
        TrainingError: when step after step has no finite gradient.
    """
    from datasets.arrow_dataset import Dataset

    arguments = grpo_arguments(options, folder, seed=seed)
    records = _Records(folder.parent / "metrics.jsonl", "GRPO", arguments)
    trainer = _GameTrainer(
        rollout=rollout,
        model=policy.model,
        args=arguments,
        train_dataset=Dataset.from_dict({"prompt": list(prompts)}),
        processing_class=policy.tokenizer,
        callbacks=[_FiniteSteps(folder), records],
    )
    _train(trainer, records, folder)


def train_sft(
    policy: Policy, rows: Sequence[ClonedRow], options: dict[str, Any], folder: Path, *, seed: int
) -> None:
    """Clone `rows` into `policy` in place; losses go to `cloning.jsonl` beside `folder`.

    Raises:
        ConfigurationError: for options that `sft_arguments` refuses.
        TrainingError: when step after step has no finite gradient.
    """
    from datasets.arrow_dataset import Dataset

    arguments = sft_arguments(options, folder, seed=seed)
    records = _Records(folder.parent / "cloning.jsonl", "cloning", arguments)
    trainer = SFTTrainer(
        model=policy.model,
        args=arguments,
        train_dataset=Dataset.from_dict(
            {"input_ids": [r.input_ids for r in rows], "labels": [r.labels for r in rows]}
        ),
        processing_class=policy.tokenizer,
        callbacks=[_FiniteSteps(folder), records],
    )
    _train(trainer, records, folder)


def _train(trainer: Any, records: "_Records", folder: Path) -> None:
    """Train from the newest complete checkpoint on."""
    checkpoint = newest_complete(folder)
    records.keep_steps(step_of(checkpoint) if checkpoint else 0)
    trainer.remove_callback(PrinterCallback)  # our progress replaces it
    if trainer.model.config.tie_word_embeddings:  # or resuming would miss what no checkpoint holds
        trainer.model._keys_to_ignore_on_save = list(trainer.model._tied_weights_keys or ())
    try:
        with without_progress_bars():
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        records.close()


class _FiniteSteps(TrainerCallback):
    """Leaves out steps whose gradient is not finite, and gives up after several in a row."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lost = 0

    def on_pre_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        optimizer: Any = None,
        **_: Any,
    ) -> None:
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        if all(bool(gradient.isfinite().all()) for gradient in gradients):
            self._lost = 0
            return
        self._lost += 1
        step = state.global_step + 1
        _log.warning("step %d has no finite gradient and was left out", step)
        if self._lost == min(_LOST_STEPS, state.max_steps):
            good = newest_complete(self._folder)
            raise TrainingError(
                f"{self._lost} steps up to step {step} had no finite gradient; lower the learning "
                f"rate; the last good checkpoint is {good or 'the initial policy'}"
            )
        optimizer.zero_grad()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if self._lost and logs and "loss" in logs:
            logs["loss"] = math.nan  # transformers logs the mean of earlier steps in its place


class _Records(TrainerCallback):
    """Writes one line a step, shows progress, seals checkpoints and removes old ones."""

    def __init__(self, metrics: Path, label: str, args: TrainingArguments) -> None:
        self._metrics, self._label = metrics, label
        self._progress: Progress | None = None
        self._shown = 0
        # removing comes after sealing, so that there is a complete checkpoint at any instant
        self._kept, args.save_total_limit = args.save_total_limit, None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._shown = state.global_step
        self._progress = Progress(self._label, state.max_steps, done=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        figures = {name: _known(value) for name, value in logs.items()}
        line = json.dumps({"step": state.global_step, **figures}, sort_keys=True)
        descriptor = os.open(self._metrics, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)
        if self._progress is not None:
            name = "reward" if "reward" in logs else "loss"
            value = "unknown" if figures[name] is None else f"{figures[name]:.3f}"
            self._progress.advance(state.global_step - self._shown, f"{name} {value}")
            self._shown = state.global_step

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        folder = Path(str(args.output_dir))
        seal(folder / f"checkpoint-{state.global_step}")
        if self._kept:
            for old in checkpoints(folder)[self._kept :]:
                shutil.rmtree(old)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._progress is not None:
            self._progress.close()

    def keep_steps(self, last: int) -> None:
        """Forget lines of steps that will be taken again, and a line cut short by a kill."""
        if not self._metrics.exists():
            return
        kept = []
        for line in self._metrics.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= last:
                    kept.append(line)
            except (json.JSONDecodeError, KeyError):
                continue
        write_atomically(self._metrics, "".join(f"{line}\n" for line in kept))


def _known(value: Any) -> Any:
    """A figure as JSON has it: what is not finite is not known."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
