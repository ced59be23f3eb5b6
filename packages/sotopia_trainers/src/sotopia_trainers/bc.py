"""`python -m sotopia_trainers.bc +exp=verifiable`: from demonstrations to their clone.

Demonstrate, clone, evaluate: the first half of `grpo`, on its own. Every stage leaves its result in
the run folder; a run that was killed goes on from there.
"""

import math
from dataclasses import dataclass, fields
from typing import Final

from sotopia_env.agents import agent_factory
from sotopia_env.command import OK, command
from sotopia_env.errors import ConfigurationError, one_of
from sotopia_env.make import scenario_source
from sotopia_env.profiles import EnvironmentProfile
from sotopia_env.prompts import APPEND_ONLY
from sotopia_env.run_folder import Run
from sotopia_env.scenarios.families import Split, load_family

from .policy import check_path
from .settings import CloningSettings, TinySettings

_HELD_OUT: Final[tuple[Split, ...]] = ("test", "validation")

_LEAST_VOCABULARY: Final = 512
"""Tokens; with fewer not even numbers are whole."""


@dataclass(kw_only=True)
class Settings(CloningSettings):
    """See `hydra_conf/sotopia_trainers/bc.yaml`."""

    temperature: float = 1.0
    """At which the clone is sampled, in its evaluation and afterwards."""


def main(settings: Settings, run: Run) -> int:
    """Check everything that can be checked before anything is written, then run the stages."""
    check(settings)
    if settings.model.skip_cloning:
        raise ConfigurationError("model.skip_cloning=true leaves nothing to do here; see grpo")
    check_temperature("temperature", settings.temperature)
    from .stages import Cloning  # imports torch and trl: seconds

    cloning = Cloning(settings, run, settings.temperature)
    cloning.check_options()
    run.start()
    cloning.run_all()
    return OK


def check(settings: CloningSettings) -> None:
    """Refuse settings that cannot work, before anything is loaded or written.

    Raises:
        ConfigurationError: naming the setting and what would work.
    """
    if not settings.scenarios or not settings.partners:
        raise ConfigurationError("scenarios and partners must each name at least one")
    for name, named in (("scenarios", settings.scenarios), ("partners", settings.partners)):
        if len(set(named)) < len(named):
            raise ConfigurationError(f"{name} names one twice: {', '.join(named)}")
    for scenario in settings.scenarios:
        split = one_of(_HELD_OUT, settings.evaluation.split, "evaluation.split")
        source = scenario_source(scenario, split)
        if source.is_fixed:
            raise ConfigurationError(
                f"scenarios={scenario}: training needs a family, not one instance"
            )
        check_scored(scenario, source.draw(0))
        if not settings.demonstrations.of(scenario):
            raise ConfigurationError(f"demonstrations.agents names nobody for {scenario}")
    demonstrators = (spec for specs in settings.demonstrations.agents.values() for spec in specs)
    evaluation = settings.evaluation
    others = (*evaluation.constant_strategies(), *evaluation.references)
    for spec in (*settings.partners, settings.held_out_partner, *demonstrators, *others):
        agent_factory(spec)
    if settings.held_out_partner in settings.partners:
        raise ConfigurationError(
            f"held_out_partner={settings.held_out_partner} is one of the partners of the training"
        )
    _check_model(settings)
    check_least("demonstrations.games", settings.demonstrations.games, 1)
    check_least("evaluation.scenarios", settings.evaluation.scenarios, 2)  # for an interval
    check_least("evaluation.constants", len(settings.evaluation.constants), 1)
    check_least("evaluation.dialogues", settings.evaluation.dialogues, 0)


def check_scored(scenario: str, profile: EnvironmentProfile) -> None:
    """Refuse a family in which nothing is to be gained, for it has no shares to learn from."""
    if profile.game is None:
        raise ConfigurationError(f"scenarios={scenario}: it has no verifiable game")
    game = load_family(profile.game.family).game
    if game.stakes(profile.game).shares((0.0,) * game.seats) is None:
        raise ConfigurationError(f"scenarios={scenario}: there is no surplus to have a share of")


def _check_model(settings: CloningSettings) -> None:
    model = settings.model
    one_of(APPEND_ONLY, model.style, "model.style")
    if model.path is None and model.lora is not None:
        raise ConfigurationError("model.lora needs model.path=<hub id or folder> to adapt")
    if model.path is None:
        _check_shape(model.tiny)
    elif model.name == "tiny":
        raise ConfigurationError(
            f"model=tiny is built from scratch and takes no model.path={model.path}; "
            "use model=lora or model=full"
        )
    else:
        check_path(model.path)
    check_least("model.max_turn_tokens", model.max_turn_tokens, 1)


def _check_shape(shape: TinySettings) -> None:
    for item in fields(shape):
        least = _LEAST_VOCABULARY if item.name == "vocabulary" else 1
        check_least(f"model.tiny.{item.name}", getattr(shape, item.name), least)
    if shape.hidden_size % (2 * shape.heads):
        works = math.ceil(shape.hidden_size / (2 * shape.heads)) * 2 * shape.heads
        raise ConfigurationError(
            f"model.tiny.hidden_size={shape.hidden_size} cannot be divided into {shape.heads} "
            f"heads of an even size; {works} would work"
        )


def check_least(name: str, value: int, least: int) -> None:
    """Refuse counts of nothing."""
    if value < least:
        raise ConfigurationError(f"{name} must be at least {least}, got {value}")


def check_temperature(name: str, value: object) -> None:
    """Refuse what nothing can be sampled at."""
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigurationError(f"{name} must be a number above 0, got {value!r}")


if __name__ == "__main__":
    command("sotopia_trainers", "bc", Settings, main)
