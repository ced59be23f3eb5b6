"""Characters, scenarios, relationships, pairings, lists, custom dimensions <-> our models.

Two outer forms: a line of the published JSONL files, and a file `<ClassName>/<pk>.json` of the
original's local storage. Nothing of an object is lost in either: what a form has no key for follows
its own keys, and only where it holds something.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from ..evaluators.dimensions import Dimension
from ..profiles import (
    AgentProfile,
    EnvironmentProfile,
    Pairing,
    RelationshipProfile,
    RelationshipType,
    ScenarioList,
)
from .reading import JsonObject, checked, json_text, read_object, refusal

R = TypeVar("R", bound=BaseModel)
Layout: TypeAlias = Literal["lines", "local"]

NO_CONSTRAINT: Final = ("none", "nan", "")
"""How a line says that any group of characters fits."""


class CustomDimension(Dimension):
    """A dimension of somebody's own, with the id under which it was published."""

    dimension_id: str = ""


class CustomDimensionList(BaseModel):
    """A named list of custom dimensions, by their ids."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    list_id: str = ""
    name: str
    dimension_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordForm(Generic[R]):
    """The published forms of one kind of record; keys stand in the order of writing."""

    kind: str
    """What reports call it."""
    model: type[R]
    identity: str
    """Our field for its id."""
    file: str
    """Usual name of its JSONL file."""
    folder: str
    """Name of its class in the original, and so of its folder in the local layout."""
    line: Mapping[str, str]
    """Keys of a line, and our fields."""
    local: Mapping[str, str]
    """Keys of a local file, and our fields."""
    spare: tuple[str, ...] = ()
    """Our fields that are written, behind the others, only where they hold something."""
    needs_id: bool = True

    def read(self, value: str | Mapping[str, Any], where: str = "") -> R:
        """A record from either form; of a key with two published spellings both are read.

        Raises:
            FormatError: for a missing or unknown key, or a value of a wrong type.
        """
        values: JsonObject = {}
        known = {"pk": self.identity, **self.local, **self.line}
        for key, content in read_object(value, where).items():
            name = known.get(key, key)
            if key not in known and name in known.values() and name not in self.spare:
                raise refusal(where, f"unknown key {key!r}", "use the published key")
            if name in values and values[name] != content:
                raise refusal(where, f"{key!r} is given twice and differs", "keep one of them")
            values[name] = _read_value(name, content, where)
        published = {name: key for key, name in self.line.items()}
        if self.needs_id and self.identity not in values:
            raise refusal(
                where, f"key {published[self.identity]!r} is missing", "add it or remove the record"
            )
        return checked(self.model, values, where, published)

    def write(self, record: R, layout: Layout = "lines") -> JsonObject:
        """The published object of a record.

        Raises:
            FormatError: for a further field that has a published name or no form in JSON.
        """
        values: JsonObject = json.loads(json_text(record.model_dump(), self.name_of(record)))
        keys = self.line if layout == "lines" else self.local
        written = {key: values.pop(name) for key, name in keys.items()}
        written |= {name: values.pop(name) for name in self._told(record, values)}
        extra = record.model_extra or {}
        if any(key in written or key == "pk" for key in extra):
            raise refusal(
                self.name_of(record),
                f"a further field has a published name: {[*extra]}",
                "rename it",
            )
        written |= {name: values[name] for name in extra}
        return _as_line(written) if layout == "lines" else written

    def name_of(self, record: R) -> str:
        """What messages call it."""
        return f"{self.model.__name__} {getattr(record, self.identity)!r}"

    def _told(self, record: R, values: JsonObject) -> list[str]:
        """The spare fields that are to be written."""
        defaults = self.model.model_fields
        return [
            name
            for name in self.spare
            if name in values
            and (getattr(record, name) != defaults[name].default or _was_told(record, name))
        ]


def _was_told(record: BaseModel, name: str) -> bool:
    """Whether the line a character comes from had the key `model_id`, of which only some have."""
    told = record.model_fields_set
    return name == "model_id" and name in told and "tag" not in told


def _read_value(name: str, value: Any, where: str) -> Any:
    """A published value in our terms; what is of a wrong type is left to the check of types."""
    if name == "relationship" and isinstance(value, str):
        numbers = {str(kind.value): kind.value for kind in RelationshipType}
        if value not in numbers:
            raise refusal(where, f"relationship: {value!r:.40} is none", "use '0' to '5'")
        return numbers[value]
    if name == "agent_constraint" and isinstance(value, str) and value in NO_CONSTRAINT:
        return None
    if name in ("age_constraint", "occupation_constraint") and isinstance(value, list):
        pairs = [tuple(v) if name == "age_constraint" and isinstance(v, list) else v for v in value]
        return repr(pairs)
    return value


def _as_line(written: JsonObject) -> JsonObject:
    """With the values the lines have, and the local files have not."""
    if "relationship" in written:
        written["relationship"] = str(written["relationship"])
    if "agent_constraint" in written and written["agent_constraint"] is None:
        written["agent_constraint"] = NO_CONSTRAINT[0]
    return written


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_PERSON: Final = (
    *("first_name", "last_name", "age", "occupation", "gender", "gender_pronoun", "public_info"),
    *("big_five", "moral_values", "schwartz_personal_values", "personality_and_values"),
    *("decision_making_style", "secret"),
)
_SITUATION: Final = (
    *("codename", "source", "scenario", "agent_goals", "relationship", "age_constraint"),
    *("occupation_constraint", "agent_constraint"),
)

AGENTS: Final = RecordForm(
    kind="agents",
    model=AgentProfile,
    identity="agent_id",
    file="agent_profiles.jsonl",
    folder="AgentProfile",
    line={"agent_id": "agent_id", **_same(*_PERSON, "mbti")},
    local={"pk": "agent_id", **_same(*_PERSON, "model_id", "mbti", "tag")},
    spare=("model_id", "tag"),
)
ENVIRONMENTS: Final = RecordForm(
    kind="environments",
    model=EnvironmentProfile,
    identity="scenario_id",
    file="environment_profiles.jsonl",
    folder="EnvironmentProfile",
    line={"env_id": "scenario_id", **_same(*_SITUATION)},
    local={"pk": "scenario_id", **_same(*_SITUATION, "game_metadata", "tag")},
    spare=("game_metadata", "tag", "agent_names", "game"),
)
RELATIONSHIPS: Final = RecordForm(
    kind="relationships",
    model=RelationshipProfile,
    identity="relationship_id",
    file="relationship_profiles.jsonl",
    folder="RelationshipProfile",
    line={
        "relationship_id": "relationship_id",
        "agent1_id": "agent_1_id",
        "agent2_id": "agent_2_id",
        **_same("relationship", "background_story"),
    },
    local={
        "pk": "relationship_id",
        **_same("agent_1_id", "agent_2_id", "relationship", "background_story", "tag"),
    },
    spare=("tag",),
)
PAIRINGS: Final = RecordForm(
    kind="pairings",
    model=Pairing,
    identity="pairing_id",
    file="env_agent_combo_storages.jsonl",
    folder="EnvAgentComboStorage",
    line={"combo_id": "pairing_id", "env_id": "scenario_id", "agent_ids": "agent_ids"},
    local={"pk": "pairing_id", "env_id": "scenario_id", "agent_ids": "agent_ids"},
    needs_id=False,
)
_LIST: Final = {
    "pk": "list_id",
    "name": "name",
    "environments": "scenario_ids",
    "agent_index": "seats",
}
LISTS: Final = RecordForm(
    kind="lists",
    model=ScenarioList,
    identity="list_id",
    file="environment_lists.jsonl",
    folder="EnvironmentList",
    line=_LIST,
    local=_LIST,
)
_DIMENSION: Final = {
    "pk": "dimension_id",
    "name": "name",
    "description": "description",
    "range_high": "high",
    "range_low": "low",
}
DIMENSIONS: Final = RecordForm(
    kind="dimensions",
    model=CustomDimension,
    identity="dimension_id",
    file="custom_evaluation_dimensions.jsonl",
    folder="CustomEvaluationDimension",
    line=_DIMENSION,
    local=_DIMENSION,
    spare=("code", "bands"),
)
_DIMENSION_LIST: Final = {"pk": "list_id", "name": "name", "dimension_pks": "dimension_ids"}
DIMENSION_LISTS: Final = RecordForm(
    kind="dimension lists",
    model=CustomDimensionList,
    identity="list_id",
    file="custom_evaluation_dimension_lists.jsonl",
    folder="CustomEvaluationDimensionList",
    line=_DIMENSION_LIST,
    local=_DIMENSION_LIST,
)
FORMS: Final[Mapping[str, RecordForm[Any]]] = {
    form.kind: form
    for form in (
        *(AGENTS, ENVIRONMENTS, RELATIONSHIPS, PAIRINGS, LISTS),
        *(DIMENSIONS, DIMENSION_LISTS),
    )
}
"""All of them by kind; a store has a place for each."""
