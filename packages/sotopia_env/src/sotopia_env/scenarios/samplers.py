"""Samplers: who plays what. Each draws settings, a scenario with the characters in its seats.

Candidates are objects, or, by default, the shipped library. Everything is drawn from the generator
that `sample` is given.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Protocol, TypeVar

import numpy as np

from ..errors import ConfigurationError, SamplingError, one_of
from ..profiles import (
    AgentProfile,
    EnvironmentProfile,
    Pairing,
    RelationshipProfile,
    ScenarioList,
)
from . import library
from .fitting import fitting_groups

_LOG: Final = logging.getLogger(__name__)

T = TypeVar("T")

_FEWEST: Final = 2
_MOST_GROUPS: Final = 5_000
"""Of a scenario that are considered; circles of several people are many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A scenario and who plays it, by seat."""

    scenario: EnvironmentProfile
    characters: tuple[AgentProfile, ...]
    tested_seat: int | None = None
    """Where the agent under test sits, from 0; `None` outside of benchmarks."""


class Sampler(Protocol):
    """Draws settings."""

    def sample(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        replacement: bool = True,
        seats: int | None = None,
    ) -> Iterator[Setting]:
        """`size` settings; without `replacement` no two of them are the same.

        With `seats`, only of scenarios that have so many.

        Raises:
            SamplingError: when there are not enough, or nobody meets the constraints.
        """


class UniformSampler:
    """Any scenario with any characters, whatever its constraints say, all alike likely.

    Args:
        scenarios: candidates; by default the shipped ones.
        characters: candidates; by default the shipped ones.
        seats: how many a scenario must have; by default any number.
    """

    def __init__(
        self,
        scenarios: Iterable[EnvironmentProfile] | None = None,
        characters: Iterable[AgentProfile] | None = None,
        *,
        seats: int | None = None,
    ) -> None:
        chosen = _candidates(scenarios, library.scenarios(), "scenario")
        self._scenarios = _of_size(chosen, seats, _seats)
        self._characters = _candidates(characters, library.characters(), "character")

    def sample(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        replacement: bool = True,
        seats: int | None = None,
    ) -> Iterator[Setting]:
        _check_size(size)
        scenarios = _of_size(self._scenarios, seats, _seats)
        seen: set[tuple[int, ...]] = set()
        if not replacement and size > (most := self._count(scenarios)):
            raise SamplingError(f"{size} different settings asked for, there are {most}")
        while size:
            number = int(rng.integers(len(scenarios)))
            scenario = scenarios[number]
            needed = _seats(scenario)
            if needed > len(self._characters):
                raise SamplingError(
                    f"{scenario.label} has {needed} seats, "
                    f"and there are {len(self._characters)} characters"
                )
            people = tuple(map(int, rng.permutation(len(self._characters))[:needed]))
            if not replacement:
                if (number, *people) in seen:
                    continue
                seen.add((number, *people))
            size -= 1
            yield Setting(scenario=scenario, characters=tuple(self._characters[p] for p in people))

    def _count(self, scenarios: Iterable[EnvironmentProfile]) -> int:
        total = 0
        for scenario in scenarios:
            ways = 1
            for taken in range(_seats(scenario)):
                ways *= max(0, len(self._characters) - taken)
            total += ways
        return total


class ConstraintSampler:
    """Characters who meet all that a scenario asks for: relationship, ages, occupations, groups.

    Every scenario is alike likely, and within one every group that fits.

    Args:
        scenarios: candidates; by default the shipped ones.
        characters: candidates; by default the shipped ones.
        relationships: who knows whom how; by default the shipped ones.
        seats: how many a scenario must have; by default any number.

    Raises:
        SamplingError: naming a scenario for which no group of characters fits.
    """

    def __init__(
        self,
        scenarios: Iterable[EnvironmentProfile] | None = None,
        characters: Iterable[AgentProfile] | None = None,
        relationships: Iterable[RelationshipProfile] | None = None,
        *,
        seats: int | None = None,
    ) -> None:
        chosen = _of_size(_candidates(scenarios, library.scenarios(), "scenario"), seats, _seats)
        people = _candidates(characters, library.characters(), "character")
        ties = library.relationships() if relationships is None else tuple(relationships)
        by_id = {person.agent_id: person for person in people}
        if len(by_id) < len(people):
            raise ConfigurationError("characters that are matched by relationship need unique ids")
        self._characters = by_id
        self._options = tuple((s, _groups(s, by_id, ties)) for s in chosen)

    def sample(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        replacement: bool = True,
        seats: int | None = None,
    ) -> Iterator[Setting]:
        _check_size(size)
        options = _of_size(self._options, seats, lambda option: _seats(option[0]))
        if replacement:
            for _ in range(size):
                scenario, groups = options[int(rng.integers(len(options)))]
                yield self._setting(scenario, groups[int(rng.integers(len(groups)))])
            return
        left = [
            (s, [groups[int(i)] for i in rng.permutation(len(groups))]) for s, groups in options
        ]
        available = sum(len(groups) for _, groups in left)
        if size > available:
            raise SamplingError(f"{size} different settings asked for, {available} fit")
        for _ in range(size):
            place = int(rng.integers(len(left)))
            scenario, groups = left[place]
            yield self._setting(scenario, groups.pop())
            if not groups:
                del left[place]

    def _setting(self, scenario: EnvironmentProfile, group: Sequence[str]) -> Setting:
        people = tuple(self._characters[agent_id] for agent_id in group)
        return Setting(scenario=scenario, characters=people)


class BenchmarkSampler:
    """The settings of a list in their order, again from the start when they run out.

    As in the published benchmark the agent under test sits where the list says; one that does not
    say is gone through once with it in the first seat, then with it in the next.

    Args:
        name: of a shipped list: `all`, `hard`, `cooperative`, `competitive`.
        scenarios: instead, the scenarios of a list of one's own, `characters` and `pairings` with
            them.
        scenario_list: which of them, and which seat is tested.
        seats: how many a scenario must have; by default any number.

    Raises:
        SamplingError: for a list that is unknown, or names what is not there.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        scenarios: Mapping[str, EnvironmentProfile] | None = None,
        characters: Mapping[str, AgentProfile] | None = None,
        pairings: Iterable[Pairing] | None = None,
        scenario_list: ScenarioList | None = None,
        seats: int | None = None,
    ) -> None:
        scenarios = library.scenarios() if scenarios is None else scenarios
        characters = library.characters() if characters is None else characters
        if scenario_list is None:
            lists = library.lists()
            scenario_list = lists[one_of(lists, name or "all", "list of scenarios", SamplingError)]
        if pairings is None:
            pairings = [p for s in scenario_list.scenario_ids for p in library.pairings_for(s)]
        listed = tuple(_listed(scenario_list, scenarios, characters, list(pairings)))
        self.settings = _of_size(_tested(listed), seats, _parties)
        """All of them, in order."""

    def sample(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        replacement: bool = True,
        seats: int | None = None,
    ) -> Iterator[Setting]:
        _check_size(size)
        settings = _of_size(self.settings, seats, _parties)
        if not replacement and size > len(settings):
            raise SamplingError(
                f"{size} different settings asked for, the list has {len(settings)}"
            )
        for number in range(size):
            yield settings[number % len(settings)]


def _tested(listed: Sequence[Setting]) -> tuple[Setting, ...]:
    """The settings, and again with the next seat under test where the list leaves that open."""
    fixed = tuple(setting for setting in listed if setting.tested_seat is not None)
    return fixed or tuple(
        replace(setting, tested_seat=seat)
        for seat in range(max(map(_parties, listed), default=0))
        for setting in listed
        if seat < _parties(setting)
    )


def _listed(
    scenario_list: ScenarioList,
    scenarios: Mapping[str, EnvironmentProfile],
    characters: Mapping[str, AgentProfile],
    pairings: Sequence[Pairing],
) -> Iterator[Setting]:
    for number, scenario_id in enumerate(scenario_list.scenario_ids):
        if scenario_id not in scenarios:
            raise SamplingError(f"list {scenario_list.name!r}: no scenario {scenario_id!r}")
        own = [p for p in pairings if p.scenario_id == scenario_id]
        if not own:
            raise SamplingError(f"list {scenario_list.name!r}: no pairing of {scenario_id!r}")
        seat = None if scenario_list.seats is None else scenario_list.seats[number]
        for pairing in own:
            missing = [a for a in pairing.agent_ids if a not in characters]
            if missing:
                raise SamplingError(f"pairing {pairing.pairing_id!r}: no character {missing[0]!r}")
            if seat is not None and seat not in map(str, range(len(pairing.agent_ids))):
                raise SamplingError(
                    f"list {scenario_list.name!r}: {scenario_id!r} has no seat {seat!r} to be "
                    "tested; they are counted from 0"
                )
            yield Setting(
                scenario=scenarios[scenario_id],
                characters=tuple(characters[agent_id] for agent_id in pairing.agent_ids),
                tested_seat=None if seat is None else int(seat),
            )


def _candidates(given: Iterable[T] | None, shipped: Mapping[str, T], kind: str) -> tuple[T, ...]:
    chosen = tuple(shipped.values() if given is None else given)
    if not chosen:
        raise SamplingError(f"there is no {kind} to choose from")
    return chosen


def _groups(
    scenario: EnvironmentProfile,
    characters: Mapping[str, AgentProfile],
    relationships: Sequence[RelationshipProfile],
) -> list[tuple[str, ...]]:
    if scenario.is_occupation_a_note:
        _LOG.warning(
            "occupation_constraint %r of %r is not looked at: write it as a list such as "
            "[['chef'], []]",
            scenario.occupation_constraint,
            scenario.label,
        )
    found = list(islice(fitting_groups(scenario, characters, relationships), _MOST_GROUPS))
    if found:
        return found
    raise SamplingError(
        f"nobody fits {scenario.label}: {_missing(scenario, characters, relationships)}"
    )


def _missing(
    scenario: EnvironmentProfile,
    characters: Mapping[str, AgentProfile],
    relationships: Sequence[RelationshipProfile],
) -> str:
    """Which constraint it is that nobody meets."""
    ties = [
        tie
        for tie in relationships
        if tie.relationship == scenario.relationship
        and tie.agent_1_id in characters
        and tie.agent_2_id in characters
    ]
    wanted = f"of {len(relationships)} relationships {len(ties)} are {scenario.relationship.name}"
    if not ties:
        return wanted
    relaxed = {
        "age_constraint": scenario.age_constraint,
        "occupation_constraint": scenario.occupation_constraint,
        "agent_constraint": scenario.agent_constraint,
    }
    for name, value in relaxed.items():
        free = scenario.model_copy(update={name: None})
        if value is not None and next(fitting_groups(free, characters, relationships), None):
            return f"{wanted}, and none of these pairs meets {name}={value!r:.80}"
    return f"{wanted}, and no group of {_seats(scenario)} of them meets all constraints"


def _seats(scenario: EnvironmentProfile) -> int:
    return max(_FEWEST, len(scenario.agent_goals))


def _parties(setting: Setting) -> int:
    return len(setting.characters)


def _of_size(items: tuple[T, ...], seats: int | None, count: Callable[[T], int]) -> tuple[T, ...]:
    """Those with so many seats; all of them for `None`."""
    if seats is None:
        return items
    chosen = tuple(item for item in items if count(item) == seats)
    if not chosen:
        present = ", ".join(map(str, sorted(set(map(count, items)))))
        raise SamplingError(f"nothing to choose from has {seats} seats, but {present}")
    return chosen


def _check_size(size: int) -> None:
    if size < 1:
        raise ConfigurationError(f"size must be at least 1, got {size}")
