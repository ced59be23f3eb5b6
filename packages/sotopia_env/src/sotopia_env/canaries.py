"""Canaries: in every fact of a scenario a word that occurs nowhere else, and who may read it.

The rules of who may know what are written down here a second time, so that an audit does not
believe what it examines.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from .make import characters_for
from .profiles import AgentProfile, EnvironmentProfile, RelationshipType
from .scenarios.families import load_family

Owners: TypeAlias = frozenset[int] | None
"""Seats that may know something; `None` is everybody."""

NOBODY: Final[frozenset[int]] = frozenset()

_FACES: Final = ("age", "occupation", "gender_pronoun", "public_info")
_NEVER_TOLD: Final = ("big_five", "decision_making_style", "mbti", "agent_id", "tag", "model_id")
_VALUES: Final = ("moral_values", "schwartz_personal_values")
_NEVER_TOLD_OF_SCENARIOS: Final = (
    "codename",
    "source",
    "tag",
    "age_constraint",
    "occupation_constraint",
)
_TOLD_TO_OTHERS: Final[Mapping[RelationshipType, tuple[str, ...]]] = {
    RelationshipType.stranger: (),
    RelationshipType.know_by_name: (),
    RelationshipType.acquaintance: _FACES,
    RelationshipType.friend: (*_FACES, "personality_and_values"),
    RelationshipType.romantic_relationship: (*_FACES, "personality_and_values"),
    RelationshipType.family_member: (*_FACES, "personality_and_values"),
}
"""Fields of a character that others may know, beside the name (which a stranger's biography hides
too, but everybody reads among the participants)."""

_FIRST_AGE: Final = 5_000_000
"""Ages are marked by numbers that stand nowhere else."""
_CANARY: Final = re.compile(
    rf"canary\d{{4,}}q|(?<!\d){_FIRST_AGE // 1000}\d{{3}}(?!\d)", re.IGNORECASE
)
_TAG: Final = re.compile(r"<(/?)(\w+)([^<>]*)>|<!--.*?-->|<\?.*?\?>", re.DOTALL)
_SHOWN: Final = ("root", "p", "extra_info", "clarification_hint", "strategy_hint")
_VIEWER: Final = re.compile("viewer *= *['\"]agent_([0-9]+)['\"]")
_NAMES: Final = (
    "Ilse", "Joao", "Kemi", "Lars", "Mona", "Noor", "Oleg", "Pia", "Qiu", "Rhys",
    "Suri", "Timo", "Uma", "Vito", "Wren", "Xenia", "Yuki", "Zoe", "Alba", "Bodil",
)  # fmt: skip


@dataclass(slots=True)
class Canaries:
    """Words that mark a fact, and the seats that may know it."""

    owners: dict[str, Owners] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    """What each stands for, for the message."""

    def mark(self, owners: Owners, fact: str) -> str:
        """A new canary."""
        word = f"canary{len(self.owners):04d}q"
        self.owners[word], self.facts[word] = owners, fact
        return word

    def mark_age(self, owners: Owners, fact: str) -> int:
        """A new canary that is a number of years."""
        age = _FIRST_AGE + len(self.owners)
        self.owners[str(age)], self.facts[str(age)] = owners, fact
        return age

    def in_text(self, text: str, owners: Owners, fact: str) -> str:
        """A text that may hold markup, with a canary in every piece of it.

        The markup is read by a small reader of its own, which knows well-formed elements only.
        """
        written: list[str] = []
        around: list[tuple[str, Owners]] = [("", owners)]
        at = 0
        for tag in [*_TAG.finditer(text), None]:
            words = text[at : len(text) if tag is None else tag.start()]
            if words.strip() or not text:
                canary = self.mark(around[-1][1], f"{fact}: {words:.60}")
                words = f"{words} {canary}" if words else canary
            written += [words, "" if tag is None else tag[0]]
            if tag is not None:
                at = tag.end()
                _follow(around, tag)
        return "".join(written)

    def search(self, value: object, place: str, seat: int | None) -> None:
        """Look through something that `seat` is given; `None` is nobody's, as a log is.

        Raises:
            AssertionError: names the fact, the seat and the place.
        """
        for found in dict.fromkeys(_CANARY.findall(_told(value))):
            word = found.lower()
            if word not in self.owners:  # a number of the scenario itself
                continue
            owners, fact = self.owners[word], self.facts[word]
            who = "a log" if seat is None else f"agent_{seat}"
            assert owners is None or seat in owners, f"{place} of {who} tells it of the {fact}"

    def search_all(
        self, observations: Mapping[str, Any], infos: Mapping[str, Any], seats: Sequence[str]
    ) -> None:
        """Look through what the environment has given the seats.

        Raises:
            AssertionError: names the fact, the seat and the place.
        """
        for number, seat in enumerate(seats):
            if seat in observations:
                self.search(observations[seat], "the observation", number)
                self.search(infos[seat], "the infos", number)

    def expect(self, text: str, seat: int) -> None:
        """Whether all that `seat` may know stands in a text.

        Raises:
            AssertionError: names the seat and the fact.
        """
        for word, owners in self.owners.items():
            if owners is None or seat in owners:
                assert word in text, f"agent_{seat} is not told of the {self.facts[word]}"


def _follow(around: list[tuple[str, Owners]], tag: re.Match[str]) -> None:
    """Go into or out of an element; `around` holds the open ones, and who may read them."""
    is_end, name, attributes = tag[1], tag[2], tag[3]
    if name is None:  # a comment
        return
    if is_end:
        while len(around) > 1 and name in [open_name for open_name, _ in around]:
            if around.pop()[0] == name:
                break
        return
    if attributes.endswith("/"):
        return
    outer, viewer = around[-1][1], _VIEWER.search(attributes)
    if name in _SHOWN and "viewer" not in attributes:
        readers = outer
    elif name in _SHOWN and viewer is not None:
        readers = frozenset([int(viewer[1])])
        readers = readers if outer is None else outer & readers
    else:
        readers = NOBODY
    around.append((name, readers))


@dataclass(frozen=True, slots=True)
class MarkedScene:
    """A scenario and its characters with a canary in every fact."""

    profile: EnvironmentProfile
    characters: tuple[AgentProfile, ...] | None
    """`None` where the scenario brings its own people."""
    is_phased: bool


def marked_scene(
    profile: EnvironmentProfile,
    relationship: RelationshipType,
    canaries: Canaries,
    agents: Sequence[AgentProfile] | None = None,
) -> MarkedScene:
    """Mark every fact of a scenario and its people, who know each other like this."""
    known = profile.model_copy(update={"relationship": relationship})
    marked = _marked_profile(known, canaries)
    people = agents or characters_for(profile)
    cast = None
    if agents is not None or not profile.agent_names:
        cast = _marked_people(people or _made_up(_seats(known)), relationship, canaries)
    return MarkedScene(marked, cast, is_phased(profile))


def is_phased(profile: EnvironmentProfile) -> bool:
    """Whether the scenario is a game that gives the floor itself."""
    if profile.game is None:
        return False
    return getattr(load_family(profile.game.family).game, "is_phased", False)


def _seats(profile: EnvironmentProfile) -> int:
    return max(2, len(profile.agent_goals), len(profile.agent_names))


def _made_up(seats: int) -> tuple[AgentProfile, ...]:
    names = (*_NAMES, *(f"{name}{n}" for n in range(2, seats) for name in _NAMES))
    return tuple(AgentProfile(first_name=name, last_name="Quist") for name in names[:seats])


def _marked_profile(profile: EnvironmentProfile, canaries: Canaries) -> EnvironmentProfile:
    update: dict[str, Any] = {
        "scenario": canaries.in_text(profile.scenario, None, "scenario"),
        "agent_goals": tuple(
            canaries.in_text(goal, frozenset([seat]), f"goal of agent_{seat}")
            for seat, goal in enumerate(profile.agent_goals)
        ),
        "game_metadata": {"note": canaries.mark(NOBODY, "game_metadata of the scenario")},
    }
    for name in _NEVER_TOLD_OF_SCENARIOS:
        update[name] = canaries.mark(NOBODY, f"{name} of the scenario")
    return profile.model_copy(update=update)


def _marked_people(
    people: Sequence[AgentProfile], relationship: RelationshipType, canaries: Canaries
) -> tuple[AgentProfile, ...]:
    return tuple(
        person.model_copy(update=_marks(person, seat, _TOLD_TO_OTHERS[relationship], canaries))
        for seat, person in enumerate(people)
    )


def _marks(
    person: AgentProfile, seat: int, told: Sequence[str], canaries: Canaries
) -> dict[str, Any]:
    """Every field of a character with a canary; `told` are those that others may know."""

    def owners(name: str) -> Owners:
        return None if name in told else frozenset([seat])

    def fact(name: str) -> str:
        return f"{name} of agent_{seat}"

    update: dict[str, Any] = {"age": canaries.mark_age(owners("age"), fact("age"))}
    for name in (*_FACES[1:], "personality_and_values", "secret"):
        update[name] = canaries.in_text(getattr(person, name), owners(name), fact(name))
    for name in _VALUES:
        update[name] = (*getattr(person, name), canaries.mark(NOBODY, fact(name)))
    for name in (*_NEVER_TOLD, *(person.model_extra or ())):
        update[name] = canaries.mark(NOBODY, fact(name))
    return update


def _told(value: object) -> str:
    """All words in what an environment gives; numbers in arrays tell nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n".join(map(_told, (*value.keys(), *value.values())))
    if isinstance(value, tuple | list | set | frozenset):
        return "\n".join(map(_told, value))
    if isinstance(value, np.ndarray):
        return "" if value.dtype.kind in "biuf" else _told(value.tolist())
    return repr(value)
