"""`python -m sotopia_trainers.grpo +exp=verifiable`: from demonstrations to a policy that learned.

Demonstrate, clone, evaluate, train by GRPO against a pool of partners from both seats, evaluate
again, report. Every stage leaves its result in the run folder; a run that was killed goes on from
there.
"""

import math

from sotopia_env.command import OK, command
from sotopia_env.errors import ConfigurationError, one_of
from sotopia_env.run_folder import Run

from .bc import check as check_cloning
from .bc import check_least, check_temperature
from .settings import CREDITS, Options, ReinforcementSettings, games_at_once, whole_number

Settings = ReinforcementSettings


def main(settings: Settings, run: Run) -> int:
    """Check everything that can be checked before anything is written, then run the stages."""
    check(settings)
    from .reinforcement import Reinforcement  # imports torch and trl: seconds

    experiment = Reinforcement(settings, run, settings.grpo.get("temperature", 1.0))
    experiment.check_options()
    run.start()
    experiment.run_all()
    return OK


def check(settings: Settings) -> None:
    """Refuse settings that cannot work, before anything is loaded or written.

    Raises:
        ConfigurationError: naming the setting and what would work.
    """
    check_cloning(settings)
    one_of(CREDITS, settings.credit, "credit")
    if not 0 <= settings.invalid_move_cost < math.inf:
        raise ConfigurationError(
            f"invalid_move_cost must be at least 0, got {settings.invalid_move_cost}"
        )
    options = settings.grpo
    check_least("grpo.max_steps", whole_number(options, "grpo", "max_steps", 0), 1)
    check_temperature("grpo.temperature", options.get("temperature", 1.0))
    check_groups(options)
    check_saves(options)


def check_groups(options: Options) -> None:
    """Refuse a batch that would split a group of games.

    Raises:
        ConfigurationError: with a batch size that would work.
    """
    group = whole_number(options, "grpo", "num_generations", 8)
    batch = whole_number(options, "grpo", "per_device_train_batch_size", 8)
    accumulated = whole_number(options, "grpo", "gradient_accumulation_steps", 1)
    rows = games_at_once(options)
    check_least("grpo.num_generations", group, 2)
    check_least("grpo.per_device_train_batch_size", batch, 1)
    check_least("the number of accumulated batches", accumulated, 1)
    if rows % group:
        works = next(b for b in range(batch, batch + group + 1) if b * accumulated % group == 0)
        raise ConfigurationError(
            f"a batch of {rows} games cannot be divided into whole groups of {group} games "
            f"(grpo.num_generations={group}); grpo.per_device_train_batch_size={works} would work"
        )


def check_saves(options: Options) -> None:
    """Refuse checkpoints between two uses of the same games, from which nothing could go on.

    Raises:
        ConfigurationError: with a number of steps that would work.
    """
    uses = whole_number(options, "grpo", "num_iterations", 1)
    saves = whole_number(options, "grpo", "save_steps", 500)
    check_least("grpo.num_iterations", uses, 1)
    check_least("grpo.save_steps", saves, 1)
    if saves % uses:
        raise ConfigurationError(
            f"grpo.save_steps={saves} saves between two of the {uses} uses of the same games "
            f"(grpo.num_iterations); grpo.save_steps={saves + uses - saves % uses} would work"
        )


if __name__ == "__main__":
    command("sotopia_trainers", "grpo", Settings, main)
