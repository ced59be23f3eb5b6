"""A scenario made ready for its seats: who is called what, which rules hold, who is told what."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import ValidationError

from .errors import ConfigurationError, ScenarioError
from .games.deduction.targets import folded
from .markup import rewrite
from .perception import ENVIRONMENT
from .profiles import AgentProfile, EnvironmentProfile, GameParams
from .scenarios.families import Family, load_family
from .visibility import Line, Visibility, background, introductions

Characters: TypeAlias = Sequence[AgentProfile] | Mapping[str, AgentProfile]
"""Who sits where; a mapping gives display names other than the characters' own."""


_LINE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_KEY: Final = re.compile(r"agent_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything about an episode that its scenario and its seats settle beforehand."""

    profile: EnvironmentProfile
    names: tuple[str, ...]
    """Display name of each seat."""
    characters: tuple[AgentProfile, ...] | None
    facts: tuple[Line, ...]
    """All there is to know, and who may know it."""
    introductions: tuple[str, ...]
    """What each seat reads first: the situation, the others, and its own goal."""
    goals: tuple[str, ...]
    """What each seat is after, as it may read it; empty where the scenario has none."""
    game: Any = None
    params: Any = None
    """Rules and one instance of them, where a verifiable game is played."""
    is_phased: bool = False
    """Whether the game decides who is on turn."""
    seat_by_name: Mapping[str, str]
    """Key of a seat by its display name, and by itself. No name is the key of another seat."""


def scene_of(
    profile: EnvironmentProfile,
    seats: int,
    characters: Characters | None,
    visibility: Visibility = "private",
) -> Scene:
    """Seat the characters, or the scenario's own people, in a scenario.

    Where characters take the parts of people that the scenario itself names, their names replace
    those in its texts.

    Raises:
        ScenarioError: if the scenario does not fit the number of seats or its game is broken.
        ConfigurationError: if the characters do not.
    """
    people = None if characters is None else _people(characters)
    names = _names(profile, seats, characters)
    told = profile
    if characters is not None and profile.agent_names:
        told = _renamed(profile, names)
    facts = background(told, names, people)
    told_goals = [line for line in facts if line.kind == "goal"]
    goals = tuple(line.text(seat) for seat, line in enumerate(told_goals)) or ("",) * seats
    keys = [f"agent_{seat}" for seat in range(seats)]
    seat_by_name = dict(zip((*keys, *names), (*keys, *keys), strict=True))
    if profile.game is None:
        return Scene(
            profile=told,
            names=names,
            characters=people,
            facts=facts,
            introductions=introductions(facts, names, visibility),
            goals=goals,
            seat_by_name=seat_by_name,
        )
    family = load_family(profile.game.family)
    params = _typed(profile.game, family)
    if getattr(params, "names", names) != names:  # rules that speak of people by name
        params = params.model_copy(update={"names": names})
    needed = family.game.seats or getattr(params, "seats", 0)
    if needed != seats:
        raise ScenarioError(f"{profile.game.family} is for {needed} seats, not {seats}")
    return Scene(
        profile=told,
        names=names,
        characters=people,
        facts=facts,
        introductions=introductions(facts, names, visibility),
        goals=goals,
        seat_by_name=seat_by_name,
        game=family.game,
        params=params,
        is_phased=getattr(family.game, "is_phased", False),
    )


def _people(characters: Characters) -> tuple[AgentProfile, ...]:
    people = tuple(characters.values() if isinstance(characters, Mapping) else characters)
    if not all(isinstance(character, AgentProfile) for character in people):
        raise ConfigurationError(f"agents are AgentProfile objects, got {characters!r:.80}")
    return people


def _names(
    profile: EnvironmentProfile, seats: int, characters: Characters | None
) -> tuple[str, ...]:
    if len(profile.agent_goals) not in (0, seats):
        raise ScenarioError(f"{len(profile.agent_goals)} goals for {seats} seats")
    names: tuple[str, ...]
    if isinstance(characters, Mapping):
        names = tuple(map(str, characters))
    elif characters is not None:
        names = tuple(character.name for character in characters)
    else:
        names = profile.agent_names or tuple(f"Agent {i}" for i in range(seats))
    if len(names) != seats:
        raise ScenarioError(f"{seats} seats need as many different names, got {names}")
    alike = Counter(map(_compared, names))
    for seat, name in enumerate(names):
        if alike[_compared(name)] > 1:
            fault = "stands twice"
        elif not name.strip() or not _LINE.fullmatch(name):
            fault = "is no name, which is one line of text"
        elif _KEY.fullmatch(name) and name != f"agent_{seat}":
            fault = f"looks like the key of another seat, and this is agent_{seat}"
        elif _compared(name) == _compared(ENVIRONMENT):
            fault = "is who makes announcements"
        else:
            continue
        raise ScenarioError(
            f"{name!r:.60} {fault}; give one another name, as in "
            "agents={'the elder': profile, 'the younger': profile}"
        )
    return names


def _compared(name: str) -> str:
    """A name as moves and readers tell it from others."""
    return folded(name if name.isascii() else unicodedata.normalize("NFC", name))


def _renamed(profile: EnvironmentProfile, names: tuple[str, ...]) -> EnvironmentProfile:
    """The scenario with other people's names in its texts."""
    new = dict(zip(profile.agent_names, names, strict=True))
    firsts = Counter(name.split()[0] for name in new)
    for old, name in list(new.items()):
        first = old.split()[0]
        if firsts[first] == 1 and first not in new:
            new[first] = name.split()[0]
    longest_first = sorted(map(re.escape, new), key=len, reverse=True)
    known = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)")

    def told(text: str) -> str:
        return rewrite(text, lambda words, _: known.sub(lambda found: new[found.group()], words))

    return profile.model_copy(
        update={
            "scenario": told(profile.scenario),
            "agent_goals": tuple(map(told, profile.agent_goals)),
            "agent_names": names,
        }
    )


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
