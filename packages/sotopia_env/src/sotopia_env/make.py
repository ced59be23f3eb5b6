"""From a scenario's name to an environment.

A scenario is a family (`price_negotiation`), a family with options
(`price_negotiation?difficulty=hard`), one instance (`price_negotiation/test/17`), a shipped one
(`borrow_money`), the id of one in the store, a JSON file of an `EnvironmentProfile` or of a social
game in Sotopia's form, or the profile itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import ValidationError

from .actions import ACTION_TYPES, ActionType
from .agents import AgentFactory
from .environment import SotopiaEnv
from .errors import ConfigurationError, NotFoundError, ScenarioError, one_of, unknown_name
from .evaluators import Evaluator, Judge
from .games.deduction.config import read_config
from .profiles import AgentProfile, EnvironmentProfile
from .queries import split_query
from .rewards import MODES, RewardWrapper, VerifiableReward
from .scenarios import library
from .scenarios.deduction import profile_of
from .scenarios.families import SPLITS, Split, family_names, find_family, load_family
from .scene import Characters, Scene, scene_of
from .store import default_path, default_store
from .termination import MAX_STALE_TURNS, Terminator
from .turns import ActionOrder
from .views.aec import AECView
from .views.gymnasium import SingleAgentView
from .views.vector import VectorView, seeds_for
from .visibility import Visibility

ScenarioLike: TypeAlias = str | Path | EnvironmentProfile
RewardLike: TypeAlias = str | Evaluator | Judge | None

MAX_TURNS: Final = 20
"""Of a conversation, unless its maker or its game asks for more; as in the published benchmark."""


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
    named, _, number = text.partition("/")
    family_name, options = split_query(named)
    if text.endswith(".json"):
        profile = _read_profile(Path(text))
        return ScenarioSource(draw=lambda _: profile, is_fixed=True)
    family = None if family_name in library.scenarios() else find_family(family_name)
    if family is None:
        known = _known_profile(text)
        return ScenarioSource(draw=lambda _: known, is_fixed=True)
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


def _known_profile(name: str) -> EnvironmentProfile:
    """A shipped scenario, or one of the store."""
    profile = library.scenarios().get(name)
    if profile is None:
        profile = _stored(name)
    if profile is not None:
        return profile
    near = get_close_matches(name, scenario_ids(), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ScenarioError(
        f"unknown scenario {name!r}.{hint} Known: the families {', '.join(family_names())}; "
        f"{len(library.scenarios())} shipped scenarios (sotopia_env.scenario_ids() lists them); "
        f"what was imported into {default_path()}; JSON files."
    )


def _stored(name: str) -> EnvironmentProfile | None:
    with default_store() as store:
        try:
            return None if store is None else store.get(EnvironmentProfile, name)
        except NotFoundError:
            return None


def scenario_ids() -> list[str]:
    """Every scenario `parallel_env` knows by name: the families, and the shipped ones."""
    return [*family_names(), *library.scenarios()]


def parallel_env(
    scenario: ScenarioLike,
    *,
    agents: Characters | None = None,
    split: Split = "train",
    reward: RewardLike | Literal["auto"] = "auto",
    action_order: ActionOrder = "round-robin",
    max_turns: int | None = None,
    max_stale_turns: int | Literal["auto"] | None = "auto",
    action_types: Sequence[ActionType] = ACTION_TYPES,
    visibility: Visibility = "private",
    terminators: Sequence[Terminator] = (),
    render_mode: str | None = None,
    seed: int | None = None,
) -> Any:
    """A PettingZoo parallel environment.

    Args:
        scenario: see the module. Of a family, `reset(seed=s)` plays instance `s` of the split.
        agents: characters, one per seat, or a mapping from display names to characters; by default
            the scenario's own names, and for a shipped scenario characters that suit it.
        split: `train`, `validation` or `test`, for a family.
        reward: `auto` is the exact outcome (`share`) of a verifiable game and nothing elsewhere;
            `None` leaves rewards to wrappers; `share`, `utility`, `win` choose a mode; or an
            evaluator, whose dimension `reward` is used.
        action_order: `round-robin`, `simultaneous`, `random` or `agent-chosen`; see `turns.py`.
        max_turns: turns after which the episode is truncated; by default 20, or what a game in
            phases asks for.
        max_stale_turns: silent turns in a row that are borne, `None` for any number; by default 2,
            and any number in a game.
        action_types: what seats may choose, `none` always among them.
        visibility: `private` goes by the relationship, `lite` tells no backgrounds, `omniscient`
            tells everybody everything.
        terminators: further rules that end an episode.
        render_mode: `ansi` or `human`.
        seed: of the generator that supplies seeds to `reset()` without one.

    Raises:
        ScenarioError: for a scenario nobody knows, or one that does not fit.
        ConfigurationError: for any other argument that cannot work.
    """
    source = scenario_source(scenario, split)
    example = source(0)
    if agents is None and not example.agent_names:
        agents = characters_for(example)
    seats = _seats(example, agents)
    scene = scene_of(example, seats, agents)  # what does not fit is answered here, not in reset
    if scene.is_phased and action_order == "agent-chosen":
        raise ConfigurationError("a game in phases gives the floor itself, not agent-chosen")
    if max_stale_turns == "auto":
        max_stale_turns = MAX_STALE_TURNS if example.game is None else None
    env = SotopiaEnv(
        source,
        seats=seats,
        characters=agents,
        action_order=action_order,
        max_turns=_max_turns(scene) if max_turns is None else max_turns,
        max_stale_turns=max_stale_turns,
        action_types=action_types,
        visibility=visibility,
        terminators=terminators,
        render_mode=render_mode,
        seed=seed,
    )
    return _with_reward(env, reward, has_game=example.game is not None)


def aec_env(scenario: ScenarioLike, **settings: Any) -> AECView:
    """The same environment one seat at a time; takes what `parallel_env` takes."""
    return AECView(parallel_env(scenario, **settings))


def gymnasium_env(
    scenario: ScenarioLike,
    *,
    partner: str | AgentFactory | Sequence[str | AgentFactory],
    seat: int = 0,
    seed: int | None = None,
    **settings: Any,
) -> SingleAgentView:
    """One seat as a Gymnasium environment, `partner` in the others.

    Takes what `parallel_env` takes besides; see `views/gymnasium.py`.
    """
    env = parallel_env(scenario, seed=seed, **settings)
    return SingleAgentView(env, partner=partner, seat=seat, seed=seed)


def vector_env(
    num_envs: int,
    scenario: ScenarioLike,
    *,
    seed: int | Sequence[int | None] | None = None,
    **settings: Any,
) -> VectorView:
    """`num_envs` of them at once; takes what `gymnasium_env` takes.

    An `int` as `seed` gives them `seed`, `seed + 1`, ...
    """
    seeds = seeds_for(seed, num_envs)
    return VectorView([gymnasium_env(scenario, seed=one, **settings) for one in seeds])


def characters_for(profile: EnvironmentProfile) -> tuple[AgentProfile, ...] | None:
    """Characters that suit a shipped or stored scenario, the same every time; `None` for others."""
    if not profile.scenario_id or profile.game is not None:
        return None
    shipped = library.cast_for(profile.scenario_id)
    if shipped is not None:
        return shipped
    with default_store() as store:
        return None if store is None else store.cast_for(profile.scenario_id)


def _seats(profile: EnvironmentProfile, agents: Characters | None) -> int:
    """How many seats a scenario has; where it has no goals, as many as characters are given."""
    if profile.game is not None:
        game = load_family(profile.game.family).game
        fixed = game.seats or int(getattr(profile.game, "seats", 0))
        if fixed:
            return fixed
    return max(2, len(profile.agent_goals) or len(profile.agent_names) or len(agents or ()))


def _max_turns(scene: Scene) -> int:
    return int(scene.game.max_turns(scene.params)) if scene.is_phased else MAX_TURNS


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
    """An `EnvironmentProfile`, or the configuration of a social game."""
    try:
        text = path.read_text(encoding="utf-8")
        if '"state_transition"' in text and '"scenario_id"' not in text:
            return profile_of(read_config(text))
        return EnvironmentProfile.model_validate_json(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"cannot read scenario file {path}: {error}") from error
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ScenarioError(f"{path}: {where}: {first['msg']}") from error
