"""From a scenario's name to an environment.

A scenario is a family (`price_negotiation`), a family with options
(`price_negotiation?difficulty=hard`), one instance (`price_negotiation/test/17`), a JSON file of an
`EnvironmentProfile`, or the profile itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from .environment import SotopiaEnv
from .errors import ConfigurationError, ScenarioError, one_of, unknown_name
from .evaluators import Evaluator
from .profiles import AgentProfile, EnvironmentProfile
from .queries import split_query
from .rewards import MODES, RewardWrapper, VerifiableReward
from .scenarios.families import SPLITS, Split, family_names, load_family
from .scene import scene_of
from .turns import ActionOrder
from .views.aec import AECView

ScenarioLike: TypeAlias = str | Path | EnvironmentProfile
RewardLike: TypeAlias = str | Evaluator | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSource:
    """Gives the scenario of an episode from its seed; with `is_fixed` the same for every seed."""

    draw: Callable[[int], EnvironmentProfile]
    is_fixed: bool

    def __call__(self, seed: int) -> EnvironmentProfile:
        return self.draw(seed)


def scenario_source(scenario: ScenarioLike, split: Split = "train") -> ScenarioSource:
    """Read a scenario's name.

    Raises:
        ScenarioError: when nothing is called so, with what exists.
    """
    if isinstance(scenario, EnvironmentProfile):
        return ScenarioSource(draw=lambda _: scenario, is_fixed=True)
    text = str(scenario)
    if text.endswith(".json"):
        profile = _read_profile(Path(text))
        return ScenarioSource(draw=lambda _: profile, is_fixed=True)
    named, _, number = text.partition("/")
    family_name, options = split_query(named)
    family = load_family(family_name)
    if number:
        part, _, index = number.partition("/")
        if part not in SPLITS or not index.isdecimal():
            raise ScenarioError(
                f"{text!r} is no scenario; "
                f"an instance is {family_name}/<{'|'.join(SPLITS)}>/<number>"
            )
        one = family.draw(part, int(index), options)
        return ScenarioSource(draw=lambda _: one, is_fixed=True)
    one_of(SPLITS, split, "split", ScenarioError)
    family.draw(split, 0, options)  # a wrong option is answered here, not in the first reset
    return ScenarioSource(draw=lambda seed: family.draw(split, seed, options), is_fixed=False)


def scenario_ids() -> list[str]:
    """Every scenario `parallel_env` knows by name: the families."""
    return family_names()


def parallel_env(
    scenario: ScenarioLike,
    *,
    agents: Sequence[AgentProfile] | None = None,
    split: Split = "train",
    reward: RewardLike | Literal["auto"] = "auto",
    action_order: ActionOrder = "round-robin",
    max_turns: int = 20,
    render_mode: str | None = None,
    seed: int | None = None,
) -> Any:
    """A PettingZoo parallel environment.

    Args:
        scenario: see the module. Of a family, `reset(seed=s)` plays instance `s` of the split.
        agents: characters, one per seat; by default the scenario's own names.
        split: `train`, `validation` or `test`, for a family.
        reward: `auto` is the exact outcome (`share`) of a verifiable game and nothing elsewhere;
            `None` leaves rewards to wrappers; `share`, `utility`, `win` choose a mode; or an
            `Evaluator`, whose dimension `reward` is used.
        action_order: `round-robin` or `simultaneous`.
        max_turns: turns after which the episode is truncated.
        render_mode: `ansi` or `human`.
        seed: of the generator that supplies seeds to `reset()` without one.

    Raises:
        ScenarioError: for a scenario nobody knows, or one that does not fit.
        ConfigurationError: for any other argument that cannot work.
    """
    source = scenario_source(scenario, split)
    example = source(0)
    seats = max(2, len(example.agent_goals))
    env = SotopiaEnv(
        source,
        seats=seats,
        characters=agents,
        action_order=action_order,
        max_turns=max_turns,
        render_mode=render_mode,
        seed=seed,
    )
    scene_of(example, seats, agents)  # what does not fit is answered here, not in the first reset
    return _with_reward(env, reward, has_game=example.game is not None)


def aec_env(scenario: ScenarioLike, **settings: Any) -> AECView:
    """The same environment one seat at a time; takes what `parallel_env` takes."""
    return AECView(parallel_env(scenario, **settings))


def _with_reward(env: SotopiaEnv, reward: RewardLike, *, has_game: bool) -> Any:
    if reward is None or (reward == "auto" and not has_game):
        return env
    if isinstance(reward, str):
        mode = next((m for m in MODES if reward in (m, "auto")), None)
        if mode is None:
            raise ConfigurationError(unknown_name("reward", reward, ("auto", *MODES)))
        if not has_game:
            raise ConfigurationError(f"reward={reward!r} needs a scenario with a verifiable game")
        return VerifiableReward(env, mode=mode)
    if not hasattr(reward, "evaluate"):
        raise ConfigurationError(f"reward is a name, an Evaluator or None, got {reward!r:.80}")
    return RewardWrapper(env, reward, dimension="reward")


def _read_profile(path: Path) -> EnvironmentProfile:
    try:
        return EnvironmentProfile.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"cannot read scenario file {path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ScenarioError(f"{path}: {where}: {first['msg']}") from error
