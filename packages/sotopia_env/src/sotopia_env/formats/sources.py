"""Folders of published files, and single ones, read.

Every file is recognised by what is in it. A source is read as a whole before anything is done with
it, so one bad line and nothing is taken from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from ..episode import Episode
from ..profiles import AgentProfile, EnvironmentProfile, ScenarioList
from .backgrounds import read_background
from .benchmark_lines import read_benchmark_line
from .episode_logs import read_episode_log
from .published_episodes import read_published_episode
from .reading import JsonObject, read_json, read_lines, read_object, read_text, refusal
from .recognition import EPISODES, GAMES, ID_LISTS, LOGS, kind_of, recognise
from .record_files import Identities
from .records import FORMS
from .social_games import read_social_game

_KEPT_AS: Final = {ID_LISTS: "lists", GAMES: "environments"}
"""Kinds whose objects are kept as records of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What was found in a file, or in a folder of single records."""

    name: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All that a source holds."""

    records: list[BaseModel] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    files: list[FileReport] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """Names of files that are neither JSON nor JSONL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An object of a file, recognised."""

    kind: str
    where: str
    content: JsonObject
    group: str
    """The file, or the folder of single records, under which it is reported."""


def read_source(
    base: Path,
    environments: Mapping[str, EnvironmentProfile] | None = None,
    agents: Mapping[str, AgentProfile] | None = None,
) -> Contents:
    """Everything in a folder, or in one file; the mappings are what episodes may refer to besides.

    Raises:
        FormatError: for a file that is torn, foreign or contradicts another, or if there is none.
    """
    found: list[_Found] = []
    unread: list[str] = []
    for path, name in _files(base):
        if path.suffix in (".json", ".jsonl"):
            found += _objects(read_text(path, name), name, is_lines=path.suffix == ".jsonl")
        else:
            unread.append(name)
    if not found:
        raise refusal(str(base), "holds no published file", "give a folder with .jsonl or .json")
    seen = Identities()
    records = _read_records(found, seen)
    scenarios = {r.scenario_id: r for r in records if isinstance(r, EnvironmentProfile)}
    people = {r.agent_id: r for r in records if isinstance(r, AgentProfile)}
    episodes = _read_episodes(
        found, seen, {**(environments or {}), **scenarios}, {**(agents or {}), **people}
    )
    return Contents(records=records, episodes=episodes, files=_reports(found), unread=unread)


def _read_records(found: Iterable[_Found], seen: Identities) -> list[BaseModel]:
    records: list[BaseModel] = []
    for item in found:
        if item.kind in (EPISODES, LOGS):
            continue
        for record in _records(item):
            form = FORMS[_KEPT_AS.get(item.kind, item.kind)]
            seen.add(form.kind, getattr(record, form.identity), item.where)
            records.append(record)
    return records


def _read_episodes(
    found: Iterable[_Found],
    seen: Identities,
    environments: Mapping[str, EnvironmentProfile],
    agents: Mapping[str, AgentProfile],
) -> list[Episode]:
    episodes = []
    for item in found:
        if item.kind not in (EPISODES, LOGS):
            continue
        read = read_published_episode if item.kind == EPISODES else read_episode_log
        episode = read(item.content, environments=environments, agents=agents, where=item.where)
        seen.add(EPISODES, episode.key, item.where)
        episodes.append(episode)
    return episodes


def _files(base: Path) -> list[tuple[Path, str]]:
    """Files with the names they are reported under; what begins with a dot is passed over."""
    if base.is_file():
        return [(base, base.name)]
    if not base.is_dir():
        raise refusal(str(base), "does not exist", "check the path")
    paths = [path for path in sorted(base.rglob("*")) if path.is_file()]
    named = [(path, path.relative_to(base)) for path in paths]
    return [(p, name.as_posix()) for p, name in named if not _is_hidden(name)]


def _is_hidden(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts)


def _objects(text: str, file: str, *, is_lines: bool) -> list[_Found]:
    """The objects of a file. The first line of a JSONL file says what all its lines are."""
    if is_lines:
        lines = [*read_lines(text, file)]
        kind = recognise(lines[0][1], lines[0][0]) if lines else ""
        for where, content in lines:
            if kind_of(content) not in (kind, None):  # of none it is said later what is missing
                problem = f"is one of {kind_of(content)} in a file of {kind}"
                raise refusal(where, problem, "give each kind a file of its own")
        return [_Found(kind=kind, where=where, content=c, group=file) for where, c in lines]
    content = read_json(text, file)
    if isinstance(content, list):
        items = [(f"{file} item {n}", item) for n, item in enumerate(content, start=1)]
        objects = [(where, read_object(item, where)) for where, item in items]
        kinds = [recognise(item, where) for where, item in objects]
        return [
            _Found(kind=kind, where=where, content=item, group=file)
            for kind, (where, item) in zip(kinds, objects, strict=True)
        ]
    item = read_object(content, file)
    folder, slash, _ = file.rpartition("/")
    group = f"{folder}/" if slash else file
    return [_Found(kind=recognise(item, file), where=file, content=item, group=group)]


def _records(item: _Found) -> Sequence[BaseModel]:
    """What is kept of an object; what has no place in a store is read all the same."""
    if item.kind in FORMS:
        return [FORMS[item.kind].read(item.content, item.where)]
    if item.kind == ID_LISTS:
        return [
            ScenarioList(list_id=name, name=name, scenario_ids=tuple(ids))
            for name, ids in item.content.items()
        ]
    if item.kind == GAMES:
        return [read_social_game(item.content, item.where)]
    if item.kind == "benchmark lines":
        read_benchmark_line(item.content, item.where)
    if item.kind == "backgrounds":
        read_background(item.content, item.where)
    return []


def _reports(found: Sequence[_Found]) -> list[FileReport]:
    counts: dict[tuple[str, str], int] = {}
    for item in found:
        more = len(item.content) if item.kind == ID_LISTS else 1
        counts[item.group, item.kind] = counts.get((item.group, item.kind), 0) + more
    return [FileReport(name=name, kind=kind, count=n) for (name, kind), n in counts.items()]
