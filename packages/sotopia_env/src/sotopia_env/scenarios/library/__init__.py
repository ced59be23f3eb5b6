"""The shipped library: open-ended scenarios, characters, how they know each other, lists.

All of it was written for this project. `scenarios.jsonl`, `characters.jsonl` and
`relationships.jsonl` hold one record a line in the form of our own models; `lists.json` names lists
of scenarios. Everything is read when first asked for.
"""

import json
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from types import MappingProxyType
from typing import Final, TypeVar

from pydantic import BaseModel

from ...profiles import (
    AgentProfile,
    EnvironmentProfile,
    Pairing,
    RelationshipProfile,
    ScenarioList,
)
from ..fitting import fitting_groups

PAIRINGS_A_SCENARIO: Final = 5
"""As many as the published benchmark has."""

_MOST_GROUPS: Final = 200

T = TypeVar("T", bound=BaseModel)


def _lines(name: str, kind: type[T]) -> tuple[T, ...]:
    text = (files(__name__) / name).read_text(encoding="utf-8")
    return tuple(kind.model_validate_json(line) for line in text.splitlines() if line)


@cache
def scenarios() -> Mapping[str, EnvironmentProfile]:
    """Every shipped scenario by its id."""
    read = _lines("scenarios.jsonl", EnvironmentProfile)
    return MappingProxyType({profile.scenario_id: profile for profile in read})


@cache
def characters() -> Mapping[str, AgentProfile]:
    """Every shipped character by its id."""
    read = _lines("characters.jsonl", AgentProfile)
    return MappingProxyType({profile.agent_id: profile for profile in read})


@cache
def relationships() -> tuple[RelationshipProfile, ...]:
    """How the shipped characters know each other; no pair twice."""
    return _lines("relationships.jsonl", RelationshipProfile)


@cache
def lists() -> Mapping[str, ScenarioList]:
    """Named lists of scenarios: `all`, `hard`, `cooperative`, `competitive`."""
    text = (files(__name__) / "lists.json").read_text(encoding="utf-8")
    named = {"all": list(scenarios()), **json.loads(text)}
    return MappingProxyType(
        {name: ScenarioList(name=name, scenario_ids=tuple(ids)) for name, ids in named.items()}
    )


@cache
def pairings_for(scenario_id: str) -> tuple[Pairing, ...]:
    """Up to five settings of a shipped scenario, with characters that fit it."""
    profile = scenarios()[scenario_id]
    groups = list(islice(fitting_groups(profile, characters(), relationships()), _MOST_GROUPS))
    first = zlib.crc32(scenario_id.encode()) % len(groups)  # not everywhere the same people
    step = max(1, len(groups) // PAIRINGS_A_SCENARIO)
    chosen = (groups[first:] + groups[:first])[::step][:PAIRINGS_A_SCENARIO]
    return tuple(
        Pairing(pairing_id=f"{scenario_id}/{n}", scenario_id=scenario_id, agent_ids=group)
        for n, group in enumerate(chosen)
    )


def cast_for(scenario_id: str) -> tuple[AgentProfile, ...] | None:
    """The characters of the first setting of a shipped scenario; `None` of any other."""
    if scenario_id not in scenarios():
        return None
    return tuple(characters()[agent_id] for agent_id in pairings_for(scenario_id)[0].agent_ids)
