"""A scenario made ready for its seats: who is called what, which rules hold, who is told what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from .errors import ConfigurationError, ScenarioError
from .profiles import AgentProfile, EnvironmentProfile, GameParams
from .scenarios.families import Family, load_family


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything about an episode that its scenario and its seats settle beforehand."""

    profile: EnvironmentProfile
    names: tuple[str, ...]
    """Display name of each seat."""
    introductions: tuple[str, ...]
    """What each seat reads first: the situation, the others, and its own goal."""
    game: Any = None
    params: Any = None
    """Rules and one instance of them, where a verifiable game is played."""


def scene_of(
    profile: EnvironmentProfile, seats: int, characters: Sequence[AgentProfile] | None
) -> Scene:
    """Seat the characters, or the scenario's own people, in a scenario.

    Raises:
        ScenarioError: if the scenario does not fit the number of seats or its game is broken.
    """
    names = _names(profile, seats, characters)
    introductions = tuple(_introduction(profile, names, seat) for seat in range(seats))
    if profile.game is None:
        return Scene(profile=profile, names=names, introductions=introductions)
    family = load_family(profile.game.family)
    if family.game.seats != seats:
        raise ScenarioError(f"{profile.game.family} is for {family.game.seats} seats, not {seats}")
    return Scene(
        profile=profile,
        names=names,
        introductions=introductions,
        game=family.game,
        params=_typed(profile.game, family),
    )


def _names(
    profile: EnvironmentProfile, seats: int, characters: Sequence[AgentProfile] | None
) -> tuple[str, ...]:
    if len(profile.agent_goals) not in (0, seats):
        raise ScenarioError(f"{len(profile.agent_goals)} goals for {seats} seats")
    names: tuple[str, ...]
    if characters is not None:
        if not all(isinstance(character, AgentProfile) for character in characters):
            raise ConfigurationError(f"agents are AgentProfile objects, got {characters!r:.80}")
        names = tuple(character.name for character in characters)
    else:
        names = profile.agent_names or tuple(f"Agent {i}" for i in range(seats))
    if len(names) != seats or len(set(names)) != seats:
        raise ScenarioError(f"{seats} seats need as many different names, got {names}")
    return names


def _introduction(profile: EnvironmentProfile, names: tuple[str, ...], seat: int) -> str:
    others = ", ".join(names[:seat] + names[seat + 1 :])
    text = f"{profile.scenario}\nYou are {names[seat]}. With you: {others}."
    if profile.agent_goals:
        text += f"\nYour goal, known only to you: {profile.agent_goals[seat]}"
    return text


def _typed(params: GameParams, family: Family) -> GameParams:
    """Parameters as read from a file, checked by their family."""
    if isinstance(params, family.params_type):
        return params
    try:
        return family.params_type.model_validate(params.model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([params.family, *map(str, first["loc"])])
        raise ScenarioError(f"{where}: {first['msg']}") from error
