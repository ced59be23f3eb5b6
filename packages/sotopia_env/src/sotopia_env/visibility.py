"""Who may know what before anybody has spoken: facts with their owners, and texts made of them.

Everything an author wrote about a scenario and its people becomes facts, each with the set of seats
that may know it. What a seat reads first is put together from the facts it owns, so nothing else
can reach it. Form and rules are those of the published environment (paper era, for n seats).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from .markup import Passage, passages
from .profiles import AgentProfile, EnvironmentProfile, RelationshipType

Visibility: TypeAlias = Literal["private", "lite", "omniscient"]
"""`private`: by relationship; `lite`: nobody's background is told; `omniscient`: all know all."""
VISIBILITIES: Final[tuple[Visibility, ...]] = get_args(Visibility)

UNKNOWN: Final = "Unknown"
_OPENING: Final = "Here is the context of this interaction:"
_NO_SEAT: Final = -1
"""It owns nothing."""

_GENDERS: Final = {"Man": "male", "Woman": "female", "Nonbinary": "nonbinary"}
_SHARED_PARTS: Final[dict[RelationshipType, int]] = {
    RelationshipType.stranger: 0,
    RelationshipType.know_by_name: 1,
    RelationshipType.acquaintance: 2,
    RelationshipType.friend: 3,
    RelationshipType.romantic_relationship: 3,
    RelationshipType.family_member: 3,
}
"""How many parts of a biography (name, public facts, personality, secret) others know, of four."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a background: its label, and the facts that stand behind it."""

    label: str
    facts: tuple[Passage, ...]
    kind: Literal["scenario", "biography", "goal"]

    def text(self, seat: int | None) -> str:
        """As `seat` may read it, empty where it may read nothing; `None` reads everything."""
        if len(self.facts) == 1:  # as most lines are
            fact = self.facts[0]
            return fact.text if seat is None or fact.is_for(seat) else ""
        return "".join(f.text for f in self.facts if seat is None or f.is_for(seat))


def biography(profile: AgentProfile) -> tuple[str, str, str, str]:
    """Name, public facts, personality and secret of a character, in the published sentence form.

    Their concatenation is the whole biography. It may hold markup.
    """
    gender = _GENDERS.get(profile.gender, "")
    public = (
        f" is a {profile.age}-year-old {gender} {profile.occupation.lower()}. "
        f"{profile.gender_pronoun} pronouns. {profile.public_info} "
    )
    return (
        f"{profile.first_name} {profile.last_name}",
        public,
        f"Personality and values description: {profile.personality_and_values} ",
        f"{profile.first_name}'s secrets: {profile.secret}",
    )


def biography_facts(
    profile: AgentProfile, relationship: RelationshipType, seat: int
) -> tuple[Passage, ...]:
    """The biography of the character in `seat`, and who may know which part of it."""
    shared = _SHARED_PARTS[relationship]
    facts: list[Passage] = []
    for number, part in enumerate(biography(profile)):
        mine = None if number < shared else frozenset([seat])
        facts += [_narrowed(piece, mine) for piece in passages(part)]
    return tuple(facts)


def _narrowed(piece: Passage, owners: frozenset[int] | None) -> Passage:
    if owners is None:
        return piece
    readers = owners if piece.owners is None else piece.owners & owners
    return Passage(piece.text, readers, piece.is_for_judges)


def background(
    profile: EnvironmentProfile,
    names: Sequence[str],
    characters: Sequence[AgentProfile] | None,
    relationship: RelationshipType | None = None,
) -> tuple[Line, ...]:
    """All facts of a scenario in the order in which they are told.

    `relationship` replaces the scenario's own. Without characters there are no biographies, without
    goals no goals.
    """
    how = profile.relationship if relationship is None else relationship
    lines = [Line("Scenario", passages(profile.scenario), "scenario")]
    for seat, character in enumerate(characters or ()):
        facts = biography_facts(character, how, seat)
        lines.append(Line(f"{names[seat]}'s background", facts, "biography"))
    for seat, goal in enumerate(profile.agent_goals):
        own = frozenset([seat])
        facts = tuple(_narrowed(piece, own) for piece in passages(goal))
        lines.append(Line(f"{names[seat]}'s goal", facts, "goal"))
    return tuple(lines)


def introduction(
    lines: Sequence[Line],
    names: Sequence[str],
    seat: int | None,
    visibility: Visibility = "private",
    *,
    hide_unknown: bool = False,
) -> str:
    """What `seat` reads first, one line a fact; `None` is the environment, which reads everything.

    What a seat may not know reads `Unknown`; with `hide_unknown` such a line is left out. Where no
    biography is known at all, none is mentioned.
    """
    viewer = None if visibility == "omniscient" else seat
    texts = [_OPENING]
    told = [
        (line, "" if visibility == "lite" and line.kind == "biography" else line.text(viewer))
        for line in lines
    ]
    is_anybody_known = any(text for line, text in told if line.kind == "biography")
    for line, text in told:
        if line.kind == "biography" and not is_anybody_known:
            continue
        if line.kind != "scenario" and hide_unknown and text in ("", UNKNOWN):
            continue
        texts.append(_paragraph(line, text, names))
    return "\n".join(texts)


def introductions(
    lines: Sequence[Line], names: Sequence[str], visibility: Visibility = "private"
) -> tuple[str, ...]:
    """What each seat reads first; see `introduction`.

    Where no background is told the texts differ in few lines, and the others are made once.
    """
    seats = range(len(names))
    if visibility != "private" or any(line.kind == "biography" for line in lines):
        return tuple(introduction(lines, names, seat, visibility) for seat in seats)
    told = [_paragraph(line, line.text(_NO_SEAT), names) for line in lines]
    owned = [
        {s for fact in line.facts if fact.owners is not None for s in fact.owners} for line in lines
    ]
    texts = []
    for seat in seats:
        own = [
            _paragraph(line, line.text(seat), names) if seat in owners else common
            for line, owners, common in zip(lines, owned, told, strict=True)
        ]
        texts.append("\n".join([_OPENING, *own]))
    return tuple(texts)


def _paragraph(line: Line, text: str, names: Sequence[str]) -> str:
    if line.kind != "scenario":
        return f"{line.label}: {_unindented(text or UNKNOWN)}"
    return f"{line.label}: {_unindented(text)}\nParticipants: {_listed(names)}"


def _unindented(text: str) -> str:
    if "\n" not in text:
        return text
    return "\n".join(line.lstrip() for line in text.split("\n")).strip()


def _listed(names: Sequence[str]) -> str:
    if len(names) < 3:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"
