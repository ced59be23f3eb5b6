"""Lines of the published episode files (`*_episodes*.jsonl`) <-> `Episode`.

A line is a log with a readable account beside it. Of an old one without messages the account is
read, in which a blank line of an utterance cannot always be told from the end of a turn.
"""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ..episode import Episode
from ..markup import render
from ..profiles import AgentProfile, EnvironmentProfile
from ..visibility import biography
from .actions import action_of_words
from .beyond_messages import BEYOND
from .episode_logs import MISSING, episode_of, read_episode_log, write_episode_log
from .kept import differences, restored
from .log_messages import ENVIRONMENT, Said
from .reading import JsonObject, checked, read_object, refusal

KEPT: Final = "published_episode"
"""Entry of the metadata with what only the line has."""

_OF_LOG: Final = {
    "episode_id": "pk",
    "environment_id": "environment",
    "agent_ids": "agents",
    "experiment_tag": "tag",
    "experiment_model_name_pairs": "models",
    "raw_messages": "messages",
    "raw_rewards": "rewards",
    "raw_rewards_prompt": "rewards_prompt",
    "reasoning": "reasoning",
}
_SCRIPT: Final = "script"
_BEHIND_NAME: Final = (
    r"(?: (?= ?said: \"| ?\[private to )"
    r"|: (?= ?\[(?:action|non-verbal communication)\] | ?left the conversation|\[private to ))"
)


class _Line(BaseModel):
    """What of a line is used beside the log in it; further keys are let be."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="allow")

    episode_id: str
    environment_id: str
    agent_ids: tuple[str, ...] = Field(min_length=1)
    scenario: str | None = None
    codename: str | None = None
    agents_background: dict[str, str] = {}
    social_goals: dict[str, str] = {}
    social_interactions: str = ""


def read_published_episode(
    value: str | Mapping[str, Any],
    *,
    environments: Mapping[str, EnvironmentProfile] | None = None,
    agents: Mapping[str, AgentProfile] | None = None,
    where: str = "",
) -> Episode:
    """The episode of a line; without rewards it is unscored. See `read_episode_log`.

    Raises:
        FormatError: if it is no such line.
    """
    raw = read_object(value, where)
    line = checked(_Line, raw, where)
    log = {name: raw[key] for key, name in {**_OF_LOG, BEYOND: BEYOND}.items() if key in raw}
    rewards = raw.get("raw_rewards", raw.get("rewards"))
    log["rewards"] = _rewards(rewards, len(line.agent_ids), where)
    models = log.get("models")
    log["agent_classes"] = models[1:] if isinstance(models, list) else []
    known = dict(environments or {})
    note = ""
    if line.environment_id not in known and line.scenario is not None:
        note = f"scenario {line.environment_id}"
        known[line.environment_id] = _scenario(line)
    if "messages" in log:
        episode = read_episode_log(log, environments=known, agents=agents, where=where)
    else:
        log["messages"] = _messages(line, where)
        episode = episode_of(log, known, agents or {}, where, [*line.agents_background])
    metadata = dict(episode.metadata)
    if note:
        metadata[MISSING] = ", ".join(filter(None, (note, metadata.get(MISSING, ""))))
    kept = differences(raw, _made(episode))
    if kept:
        metadata[KEPT] = kept
    return episode.model_copy(update={"metadata": metadata})


def write_published_episode(episode: Episode) -> JsonObject:
    """The line of an episode, with all published keys.

    Raises:
        FormatError: for display names that messages cannot tell apart.
    """
    return restored(_made(episode), episode.metadata.get(KEPT, ""))


def rendered_for_humans(log: JsonObject) -> list[str]:
    """The published account of a log: a text a turn, then reasoning and rewards.

    The first tells what every participant knows before the episode starts.
    """
    texts = []
    for number, turn in enumerate(log["messages"]):
        lines = _acts(turn)
        if not number:
            lines = [
                f"{to}'s perspective (i.e., what {to} knows before the episode starts): {text}"
                for sender, to, text in turn
                if sender == ENVIRONMENT
            ] + lines
        texts.append("\n".join(lines))
    texts.append(f"The reasoning is:\n{log['reasoning']}")
    rewards = [f"Agent {n}: {r}" for n, r in enumerate(log["rewards"], start=1)]
    return [*texts, "\n".join(["The rewards are:", *rewards])]


def _acts(turn: Sequence[Said]) -> list[str]:
    """The lines of one turn; whoever did nothing has none."""
    lines = []
    for sender, to, text in turn:
        if to != ENVIRONMENT or sender == ENVIRONMENT:
            continue
        kind = action_of_words(text).action_type
        if kind != "none":
            lines.append(f"{sender} {text}" if kind == "speak" else f"{sender}: {text}")
    return lines


def _interactions(log: JsonObject) -> str:
    """All turns but the last one, which has observations only.

    Of a first turn in which nobody does anything there is nothing, and neither of that of a script.
    """
    turns = ["\n".join(_acts(turn)) for turn in log["messages"][:-1]]
    if turns and (not turns[0] or _SCRIPT in log["tag"].split("_")):
        turns = turns[1:]
    return "\n\n".join(turns)


def _made(episode: Episode) -> JsonObject:
    log = write_episode_log(episode)
    records = [*episode.seats.values()]
    raw = {key: log.get(name) for key, name in _OF_LOG.items()}
    reasoning = raw.pop("reasoning")
    people = {
        r.name: "" if r.profile is None else render("".join(biography(r.profile)), None)
        for r in records
    }
    goals = dict(zip(people, episode.scenario.agent_goals, strict=False))
    return {
        **raw,
        "scenario": episode.scenario.scenario,
        "codename": episode.scenario.codename,
        "agents_background": people,
        "social_goals": goals,
        "social_interactions": _interactions({**log, "tag": log.get("tag") or ""}),
        "reasoning": reasoning,
        "rewards": log.get("rewards"),
        **({BEYOND: log[BEYOND]} if BEYOND in log else {}),
    }


def _scenario(line: _Line) -> EnvironmentProfile:
    return EnvironmentProfile(
        scenario_id=line.environment_id,
        codename=line.codename or "",
        scenario=line.scenario or "",
        agent_goals=tuple(line.social_goals.values()),
        agent_names=tuple(line.social_goals),
    )


def _rewards(value: Any, agents: int, where: str) -> Any:
    """Rewards of a line; of those without any, none. Some files hold them as a text."""
    if value is None:
        return [0.0] * agents
    if isinstance(value, str):
        try:
            return json.loads(json.dumps(ast.literal_eval(value)))
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
            problem = f"rewards: {value!r:.60} is no list"
            raise refusal(where, problem, "correct it or remove the line") from error
    if isinstance(value, list):
        return [_rewards(item, agents, where) if isinstance(item, str) else item for item in value]
    return value


def _messages(line: _Line, where: str) -> list[list[list[str]]]:
    """Messages that the readable account of a line tells of."""
    names = sorted(line.agents_background, key=len, reverse=True)
    if not names:
        raise refusal(where, "key 'raw_messages' is missing", "add it or remove the line")
    begins = re.compile(rf"(?:\A|\n)({'|'.join(map(re.escape, names))}){_BEHIND_NAME}")
    found = [*begins.finditer(line.social_interactions)]
    ends = [match.start() for match in found[1:]] + [len(line.social_interactions)]
    turns: list[list[list[str]]] = [[]]
    for match, end in zip(found, ends, strict=True):
        said = line.social_interactions[match.end() : end]
        turns[-1].append([match.group(1), ENVIRONMENT, said.rstrip("\n")])
        if said.endswith("\n"):
            turns.append([])
    return [turn for turn in turns if turn]
