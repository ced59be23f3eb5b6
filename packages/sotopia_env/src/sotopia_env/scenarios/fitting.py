"""Which characters fit a scenario: relationship, ages, occupations, explicit groups."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice, permutations
from typing import TypeAlias, TypeVar

from ..errors import ScenarioError
from ..profiles import AgentProfile, EnvironmentProfile, RelationshipProfile, RelationshipType

T = TypeVar("T")

Group: TypeAlias = tuple[str, ...]
"""Ids of characters in the order of the seats."""


def fits(profile: EnvironmentProfile, group: Sequence[AgentProfile]) -> bool:
    """Whether these characters, in these seats, meet age, occupation and group constraints.

    Raises:
        ScenarioError: if a constraint cannot be read, or is for another number of seats.
    """
    ages = _one_a_seat(profile, "age_constraint", profile.age_ranges, len(group))
    jobs = _one_a_seat(profile, "occupation_constraint", profile.occupations, len(group))
    if ages is not None and not all(
        low <= person.age <= high for (low, high), person in zip(ages, group, strict=True)
    ):
        return False
    if jobs is not None and not all(
        not admitted or person.occupation.lower() in admitted
        for admitted, person in zip(jobs, group, strict=True)
    ):
        return False
    groups = profile.agent_constraint
    return groups is None or tuple(person.agent_id for person in group) in groups


def _one_a_seat(
    profile: EnvironmentProfile, name: str, read: tuple[T, ...] | None, seats: int
) -> tuple[T, ...] | None:
    if read is not None and len(read) != seats:
        raise ScenarioError(
            f"{name} of {profile.label!r} is for {len(read)} seats, and there are {seats}; "
            "give one entry a seat"
        )
    return read


def fitting_groups(
    profile: EnvironmentProfile,
    characters: Mapping[str, AgentProfile],
    relationships: Iterable[RelationshipProfile],
) -> Iterator[Group]:
    """Groups of characters that may play a scenario, none twice, in the order of relationships.

    Any two of a group must know each other as the scenario says, so far as a record tells (of a
    pair with several records one must say so); at least a chain of such ties runs through it. A
    pair comes in both seatings that fit, a larger group in the first.

    Raises:
        ScenarioError: as `fits`.
    """
    seats = max(2, len(profile.agent_goals))
    ties: dict[frozenset[str], set[RelationshipType]] = {}
    for tie in relationships:
        if tie.agent_1_id in characters and tie.agent_2_id in characters:
            pair = frozenset((tie.agent_1_id, tie.agent_2_id))
            ties.setdefault(pair, set()).add(tie.relationship)
    seen: set[frozenset[str]] = set()
    for pair, kinds in ties.items():
        if profile.relationship not in kinds:
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
    ties: Mapping[frozenset[str], Set[RelationshipType]],
) -> Iterator[frozenset[str]]:
    """The pair itself, or circles of `seats` people around it."""
    if len(members) == seats:
        yield members
        return
    for pair, kinds in ties.items():
        new = pair - members
        if wanted not in kinds or len(new) != 1:
            continue
        (person,) = new
        if all(wanted in ties.get(frozenset((person, other)), (wanted,)) for other in members):
            yield from _grown(members | new, seats, wanted, ties)
