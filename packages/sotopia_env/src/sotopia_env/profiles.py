"""Who takes part and in what situation: characters, scenarios, relationships."""

from enum import IntEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny


class RelationshipType(IntEnum):
    """How well the parties know each other; numbering of the published profiles."""

    stranger = 0
    know_by_name = 1
    acquaintance = 2
    friend = 3
    romantic_relationship = 4
    family_member = 5


class AgentProfile(BaseModel):
    """A character. Field names and defaults are those of the published Sotopia profiles."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    first_name: str
    last_name: str
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

    `agent_goals[i]` is read by seat `agent_i` alone.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    scenario_id: str = ""
    """`<family>/<split>/<number>` for a generated instance; empty for one somebody wrote."""
    codename: str = ""
    source: str = ""
    scenario: str
    agent_goals: tuple[str, ...] = ()
    agent_names: tuple[str, ...] = ()
    """Display names of the seats where the scenario brings its own; otherwise characters do."""
    relationship: RelationshipType = RelationshipType.stranger
    age_constraint: str | None = None
    occupation_constraint: str | None = None
    agent_constraint: tuple[tuple[str, ...], ...] | None = None
    game_metadata: dict[str, Any] | None = None
    tag: str = ""
    game: SerializeAsAny[GameParams] | None = Field(default=None, repr=False)
