"""Episode logs (`EpisodeLog/<pk>.json`, also sent over HTTP and WebSocket) <-> `Episode`.

A log and the episode read from it are equal: what an episode has no place for is kept beside it in
`Episode.metadata` and written back; see `kept.py`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from ..episode import Episode, SeatRecord
from ..errors import FormatError
from ..profiles import AgentProfile, EnvironmentProfile
from .actions import Wording, wording_of
from .backgrounds import ScriptBackground, authored, background_of_words, profile_of_words
from .beyond_messages import BeyondMessages, agreed, beyond_messages
from .judgements import read_judgement, reasoning_of, rewards_of
from .kept import differences, restored
from .log_messages import ENVIRONMENT, messages_of, names_heard, names_told, turns_in
from .reading import JsonObject, checked, read_object, refusal

KEPT: Final = "episode_log"
"""Entry of the metadata with what only a log has."""
MISSING: Final = "reconstructed"
"""Entry that names the scenario and characters made up from the log's own texts."""
_WORDING, _PROMPT = "wording", "rewards_prompt"
JUDGE_MODEL: Final = "environment_model"
"""Key of an episode's metadata under which the first of a log's `models` stands, the judge."""


class _Log(BaseModel):
    """The shape of a log; further keys are let be."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="allow")

    pk: str = ""
    environment: str
    agents: tuple[str, ...] = Field(min_length=1)
    tag: str | None = ""
    models: tuple[str, ...] | None = ()
    agent_classes: tuple[str, ...] | None = ()
    messages: tuple[tuple[tuple[str, str, str], ...], ...]
    reasoning: str = ""
    rewards: tuple[FiniteFloat | tuple[FiniteFloat, dict[str, FiniteFloat]], ...]
    rewards_prompt: str | None = ""
    beyond_messages: BeyondMessages | None = None


def read_episode_log(
    value: str | Mapping[str, Any],
    *,
    environments: Mapping[str, EnvironmentProfile] | None = None,
    agents: Mapping[str, AgentProfile] | None = None,
    where: str = "",
) -> Episode:
    """The episode of a log, of any number of agents.

    Every seat has an explicit turn for everything, `none` included, unless the log says by
    `beyond_messages` who was on turn. A scenario or character that the mappings (by id) do not have
    is made up from what the log tells, and `metadata["reconstructed"]` names it. The seed is not
    known, and is 0.

    Raises:
        FormatError: if it is no log, or a message has no published form.
    """
    raw = read_object(value, where)
    episode = episode_of(raw, environments or {}, agents or {}, where)
    kept = differences(raw, _made(episode))
    if not kept:
        return episode
    return episode.model_copy(update={"metadata": {**episode.metadata, KEPT: kept}})


def write_episode_log(episode: Episode) -> JsonObject:
    """The log of an episode, with all keys of the newest published form.

    Where its messages cannot tell all, `beyond_messages` follows them; see `beyond_messages.py`.

    Raises:
        FormatError: for display names that messages cannot tell apart.
    """
    return restored(_made(episode), episode.metadata.get(KEPT, ""))


def episode_of(
    raw: JsonObject,
    environments: Mapping[str, EnvironmentProfile],
    agents: Mapping[str, AgentProfile],
    where: str,
    names: Sequence[str] = (),
) -> Episode:
    """The episode without what only the log has; `names` are those that no message tells."""
    log = checked(_Log, raw, where)
    where = where or f"episode log {log.pk}".strip()
    if len(log.rewards) != len(log.agents):
        raise FormatError(
            f"{where}: Number of agents in rewards {len(log.rewards)} and agents "
            f"{len(log.agents)} do not match; give one reward for each agent"
        )
    seats = _seats(log, agents, names, where)
    told = _backgrounds(log, seats)
    judgement = read_judgement(log.rewards, log.reasoning, [*seats.values()])
    episode = Episode(
        key=log.pk or hashlib.sha256(json.dumps(raw).encode()).hexdigest()[:16],
        scenario=environments.get(log.environment) or _scenario(log.environment, [*seats], told),
        seed=0,
        seats=_records(log, seats, told, agents, judgement.rewards),
        turns=turns_in(log.messages, seats, where),
        outcome=judgement.outcome,
        ending=judgement.ending,
        evaluations=judgement.evaluations,
        tag=log.tag or "",
        metadata=_metadata(log, environments, agents),
    )
    return episode if log.beyond_messages is None else _whole(episode, log.beyond_messages, where)


def _whole(episode: Episode, beyond: BeyondMessages, where: str) -> Episode:
    """With what messages do not tell."""
    invalid = beyond.invalid_moves()
    seats = {
        seat: record.model_copy(update={"invalid_moves": invalid[seat]})
        for seat, record in episode.seats.items()
    }
    changes = {name: getattr(beyond, name) for name in BeyondMessages.model_fields}
    turns = agreed(episode.turns, beyond, where)
    return episode.model_copy(update={**changes, "turns": turns, "seats": seats})


def _seats(
    log: _Log, agents: Mapping[str, AgentProfile], names: Sequence[str], where: str
) -> dict[str, str]:
    """Keys of the seats by display name: those told, else those of the characters, else any."""
    count = len(log.agents)
    told = [*(names or names_told(log.messages))]
    if len(told) > count or len(set(told)) < len(told):
        raise refusal(where, f"messages tell of {told}, agents are {count}", "correct the names")
    if len(told) < count:
        told = [agents[key].name if key in agents else "" for key in log.agents]
        others = iter([name for name in names_heard(log.messages) if name not in told])
        told = [name or next(others, f"Agent {seat}") for seat, name in enumerate(told)]
    return {name: f"agent_{seat}" for seat, name in enumerate(told)}


def _records(
    log: _Log,
    seats: Mapping[str, str],
    told: Sequence[ScriptBackground | None],
    agents: Mapping[str, AgentProfile],
    rewards: Mapping[str, float],
) -> dict[str, SeatRecord]:
    players = [*(log.models or ())[1:], *[""] * len(seats)]
    return {
        seat: SeatRecord(
            name=name,
            agent=players[number],
            profile=_person(log.agents[number], agents, name, told[number], number),
            reward=rewards.get(seat),
        )
        for number, (name, seat) in enumerate(seats.items())
    }


def _metadata(
    log: _Log, environments: Mapping[str, object], agents: Mapping[str, object]
) -> dict[str, str]:
    acts = [text for turn in log.messages for _, to, text in turn if to == ENVIRONMENT]
    missing = [] if log.environment in environments else [f"scenario {log.environment}"]
    missing += [f"agent {key}" for key in log.agents if key and key not in agents]
    found = {
        _WORDING: "" if wording_of(acts) == "paper" else "multi-agent",
        JUDGE_MODEL: (log.models or ("",))[0],
        _PROMPT: log.rewards_prompt or "",
        MISSING: ", ".join(missing),
    }
    return {key: value for key, value in found.items() if value}


def _backgrounds(log: _Log, seats: Mapping[str, str]) -> list[ScriptBackground | None]:
    """What each seat was told first."""
    first = log.messages[0] if log.messages else ()
    by_name = {to: text for sender, to, text in first if sender == ENVIRONMENT}
    return [background_of_words(by_name.get(name, ""), [*seats]) for name in seats]


def _scenario(
    identity: str, names: Sequence[str], told: Sequence[ScriptBackground | None]
) -> EnvironmentProfile:
    known = [background for background in told if background is not None]
    goals = [b.agent_goals[seat] if b is not None else "" for seat, b in enumerate(told)]
    return EnvironmentProfile(
        scenario_id=identity,
        scenario=authored(known[0].scenario) if known else "",
        agent_goals=tuple(map(authored, goals)) if any(goals) else (),
        agent_names=tuple(names),
    )


def _person(
    key: str,
    agents: Mapping[str, AgentProfile],
    name: str,
    told: ScriptBackground | None,
    seat: int,
) -> AgentProfile | None:
    """Who sits in a seat; nobody where the log has no id."""
    if key in agents or not key:
        return agents.get(key)
    return profile_of_words(told.agent_backgrounds[seat] if told else "", name, key)


def _made(episode: Episode) -> JsonObject:
    """The log as an episode alone would give it."""
    records = [*episode.seats.values()]
    wording: Wording = "multi-agent" if episode.metadata.get(_WORDING) else "paper"
    models = [episode.metadata.get(JUDGE_MODEL, ""), *(record.agent for record in records)]
    messages = messages_of(episode, wording)
    return {
        "pk": episode.key,
        "environment": episode.scenario.scenario_id,
        "agents": [r.profile.agent_id if r.profile is not None else "" for r in records],
        "tag": episode.tag,
        "models": models if any(models) else [],
        "agent_classes": [record.agent for record in records] if any(models) else [],
        "messages": messages,
        "reasoning": reasoning_of(episode),
        "rewards": rewards_of(episode),
        "rewards_prompt": episode.metadata.get(_PROMPT, ""),
        **beyond_messages(episode, messages),
    }
