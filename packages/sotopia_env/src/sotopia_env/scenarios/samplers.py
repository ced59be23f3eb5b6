"""Samplers: who plays what. Each draws settings, a scenario with the characters in its seats.

Candidates are objects, or, by default, the shipped library. Everything is drawn from the generator
that `sample` is given.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol, TypeVar

import numpy as np

from ..errors import ConfigurationError, SamplingError
from ..profiles import (
    AgentProfile,
    EnvironmentProfile,
    RelationshipProfile,
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
        self._scenarios = of_size(chosen, seats, _seats)
        self._characters = _candidates(characters, library.characters(), "character")

    def sample(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        replacement: bool = True,
        seats: int | None = None,
    ) -> Iterator[Setting]:
        """`size` settings; see `Sampler`.

        Raises:
            SamplingError: if there are not so many different ones.
        """
        check_size(size)
        scenarios = of_size(self._scenarios, seats, _seats)
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
        chosen = of_size(_candidates(scenarios, library.scenarios(), "scenario"), seats, _seats)
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
        """`size` settings; see `Sampler`.

        Raises:
            SamplingError: if there are not so many different ones.
        """
        check_size(size)
        options = of_size(self._options, seats, lambda option: _seats(option[0]))
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


def of_size(items: tuple[T, ...], seats: int | None, count: Callable[[T], int]) -> tuple[T, ...]:
    """Those with so many seats; all of them for `None`."""
    if seats is None:
        return items
    chosen = tuple(item for item in items if count(item) == seats)
    if not chosen:
        present = ", ".join(map(str, sorted(set(map(count, items)))))
        raise SamplingError(f"nothing to choose from has {seats} seats, but {present}")
    return chosen


def check_size(size: int) -> None:
    """Refuse to draw nothing."""
    if size < 1:
        raise ConfigurationError(f"size must be at least 1, got {size}")
