"""Which characters fit a scenario: relationship, ages, occupations, explicit groups."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, permutations
from typing import TypeAlias

from ..profiles import AgentProfile, EnvironmentProfile, RelationshipProfile, RelationshipType

Group: TypeAlias = tuple[str, ...]
"""Ids of characters in the order of the seats."""


def fits(profile: EnvironmentProfile, group: Sequence[AgentProfile]) -> bool:
    """Whether these characters, in these seats, meet age, occupation and group constraints.

    Raises:
        ScenarioError: if a constraint cannot be read.
    """
    ages, jobs = profile.age_ranges, profile.occupations
    if ages is not None and not all(
        low <= person.age <= high for (low, high), person in zip(ages, group, strict=False)
    ):
        return False
    if jobs is not None and not all(
        not admitted or person.occupation.lower() in admitted
        for admitted, person in zip(jobs, group, strict=False)
    ):
        return False
    groups = profile.agent_constraint
    return groups is None or tuple(person.agent_id for person in group) in groups


def fitting_groups(
    profile: EnvironmentProfile,
    characters: Mapping[str, AgentProfile],
    relationships: Iterable[RelationshipProfile],
) -> Iterator[Group]:
    """Groups of characters that may play a scenario, none twice, in the order of relationships.

    Any two of a group must know each other as the scenario says, so far as a record tells; at least
    a chain of such ties runs through it. A pair comes in both seatings that fit, a larger group in
    the first.
    """
    seats = max(2, len(profile.agent_goals))
    ties: dict[frozenset[str], RelationshipType] = {}
    for tie in relationships:
        if tie.agent_1_id in characters and tie.agent_2_id in characters:
            ties[frozenset((tie.agent_1_id, tie.agent_2_id))] = tie.relationship
    seen: set[frozenset[str]] = set()
    for pair, kind in ties.items():
        if kind != profile.relationship:
            continue
        for members in _grown(pair, seats, profile.relationship, ties):
            if members in seen:
                continue
            seen.add(members)
            fitting = (
                seating
                for seating in permutations(sorted(members))
                if fits(profile, [characters[person] for person in seating])
            )
            yield from fitting if seats == 2 else islice(fitting, 1)


def _grown(
    members: frozenset[str],
    seats: int,
    wanted: RelationshipType,
    ties: Mapping[frozenset[str], RelationshipType],
) -> Iterator[frozenset[str]]:
    """The pair itself, or circles of `seats` people around it."""
    if len(members) == seats:
        yield members
        return
    for pair, kind in ties.items():
        new = pair - members
        if kind != wanted or len(new) != 1:
            continue
        (person,) = new
        if all(ties.get(frozenset((person, other)), wanted) == wanted for other in members):
            yield from _grown(members | new, seats, wanted, ties)
