"""Who takes part and in what situation: characters, scenarios, relationships, pairings, lists.

Texts of scenarios, goals and characters may hold authored markup; see `markup.py`.
"""

import ast
import re
from enum import IntEnum
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_validator

from .errors import ScenarioError

_BARE_WORDS: Final = re.compile(r"\s*\[(?:\s*[^\W\d][\w -]*,)*\s*[^\W\d][\w -]*\]\s*")


class RelationshipType(IntEnum):
    """How well the parties know each other; numbering of the published profiles."""

    stranger = 0
    know_by_name = 1
    acquaintance = 2
    friend = 3
    romantic_relationship = 4
    family_member = 5


class AgentProfile(BaseModel):
    """A character. Field names and defaults are those of the published Sotopia profiles.

    What others may see depends on how well they know it (`visibility.py`). `big_five`,
    `moral_values`, `schwartz_personal_values`, `decision_making_style` and `mbti` are shown to
    nobody. Further fields are kept, as in the published model.

    >>> AgentProfile(first_name="Ada", last_name="Bell").name
    'Ada Bell'
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="allow")

    agent_id: str = ""
    """Identity in a store or list; empty for one made on the spot."""
    first_name: str
    last_name: str = ""
    age: int = 0
    """Years."""
    occupation: str = ""
    gender: str = ""
    gender_pronoun: str = ""
    public_info: str = ""
    big_five: str = ""
    moral_values: tuple[str, ...] = ()
    schwartz_personal_values: tuple[str, ...] = ()
    personality_and_values: str = ""
    decision_making_style: str = ""
    secret: str = ""
    model_id: str = ""
    mbti: str = ""
    tag: str = ""

    @property
    def name(self) -> str:
        """Display name, as it stands in texts."""
        return f"{self.first_name} {self.last_name}".strip()


class GameParams(BaseModel):
    """All that fixes one instance of a verifiable game, private values of every seat included.

    Each family has a subclass with its own fields; read from a file, the fields stay as they are
    until the family is looked up.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="allow")

    family: str
    """Registered name of the game."""


class EnvironmentProfile(BaseModel):
    """A scenario: the shared situation, one private goal per seat, and perhaps an exact game.

    `agent_goals[i]` is read by seat `agent_i` alone. The constraints say which characters fit; they
    are read by the samplers and keep the published form, Python literals in text.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    scenario_id: str = ""
    """`<family>/<split>/<number>` for a generated instance, the id of a shipped or imported one;
    empty for one made on the spot."""
    codename: str = ""
    source: str = ""
    scenario: str
    agent_goals: tuple[str, ...] = ()
    agent_names: tuple[str, ...] = ()
    """Display names of the seats where the scenario brings its own; otherwise characters do."""
    relationship: RelationshipType = RelationshipType.stranger
    """Between any two of the parties."""
    age_constraint: str | None = None
    """`[(low, high), ...]`, years, one pair a seat."""
    occupation_constraint: str | None = None
    """`[["chef", "baker"], [], ...]`, one list or word a seat, empty for any; `nan` is none, and so
    are words without quotes."""
    agent_constraint: tuple[tuple[str, ...], ...] | None = None
    """The only groups of characters that fit, by `agent_id` in the order of the seats."""
    game_metadata: dict[str, Any] | None = None
    """Further data of the author; kept and never read."""
    tag: str = ""
    game: SerializeAsAny[GameParams] | None = Field(default=None, repr=False)

    _NONE: ClassVar = (None, "", "nan", "none", "None")

    @property
    def label(self) -> str:
        """What messages call the scenario."""
        return self.scenario_id or self.codename or f"{self.scenario:.40}"

    @property
    def age_ranges(self) -> tuple[tuple[int, int], ...] | None:
        """Youngest and oldest age of each seat in years; `None` without a constraint.

        Raises:
            ScenarioError: if the text is no such list.
        """
        if self.age_constraint in self._NONE:
            return None
        read = _literal(self.age_constraint, self, "age_constraint", "[(18, 70), (18, 70)]")
        try:
            return tuple((int(low), int(high)) for low, high in read)
        except (TypeError, ValueError) as error:
            raise _no_constraint(self, "age_constraint", "[(18, 70), (18, 70)]") from error

    @property
    def is_occupation_a_note(self) -> bool:
        """Whether the occupation constraint is words without quotes, which constrain nobody.

        One published scenario asks for `[actor, actor]`, and none of its settings seats an actor.
        """
        return _BARE_WORDS.fullmatch(self.occupation_constraint or "nan") is not None

    @property
    def occupations(self) -> tuple[frozenset[str], ...] | None:
        """Admitted occupations of each seat in lower case, empty for any; `None` if unconstrained.

        Raises:
            ScenarioError: if the text is no such list.
        """
        text = self.occupation_constraint
        if text in self._NONE or self.is_occupation_a_note:
            return None
        read = _literal(text, self, "occupation_constraint", "[['chef'], []]")
        try:
            return tuple(
                frozenset(o.lower() for o in ([jobs] if isinstance(jobs, str) else [*jobs]) if o)
                for jobs in read
            )
        except (TypeError, AttributeError) as error:
            raise _no_constraint(self, "occupation_constraint", "[['chef'], []]") from error


def _literal(text: str | None, profile: EnvironmentProfile, name: str, example: str) -> list[Any]:
    try:
        value = ast.literal_eval(text or "")
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise _no_constraint(profile, name, example) from error
    if not isinstance(value, list | tuple):
        raise _no_constraint(profile, name, example)
    return list(value)


def _no_constraint(profile: EnvironmentProfile, name: str, example: str) -> ScenarioError:
    return ScenarioError(
        f"{name} of {profile.label!r} must be a list such as {example}, "
        f"got {getattr(profile, name)!r:.80}"
    )


class RelationshipProfile(BaseModel):
    """How two characters know each other."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    relationship_id: str = ""
    agent_1_id: str
    agent_2_id: str
    relationship: RelationshipType
    background_story: str | None = None
    tag: str = ""


class Pairing(BaseModel):
    """A setting of a benchmark: a scenario with the characters that play it, by id and seat.

    Published as environment-agent combination.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    pairing_id: str = ""
    scenario_id: str
    agent_ids: tuple[str, ...]


class ScenarioList(BaseModel):
    """A named list of scenarios, perhaps with the seat of the tested agent in each.

    Published as environment list.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    list_id: str = ""
    name: str
    scenario_ids: tuple[str, ...] = ()
    seats: tuple[str, ...] | None = None
    """`"0"` or `"1"` for each scenario."""

    @model_validator(mode="after")
    def _one_seat_each(self) -> "ScenarioList":
        if self.seats is not None and len(self.seats) != len(self.scenario_ids):
            raise ValueError(
                f"Number of environments {len(self.scenario_ids)} and "
                f"agent_index {len(self.seats)} do not match"
            )
        return self
