"""Published files <-> the store: what would change, and changing it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from ..episode import Episode
from ..errors import ConfigurationError
from ..profiles import AgentProfile, EnvironmentProfile, Pairing, ScenarioList
from ..store import SqliteStore
from .episode_logs import write_episode_log
from .published_episodes import write_published_episode
from .published_lists import lists_within
from .reading import json_text
from .recognition import EPISODES
from .record_files import local_path, write_jsonl, write_local
from .records import FORMS, Layout, RecordForm
from .sources import Contents

_FORMS_BY_MODEL: Final[Mapping[type[BaseModel], RecordForm[Any]]] = {
    form.model: form for form in FORMS.values()
}
EPISODES_FILE: Final = "sotopia_episodes.jsonl"
LOGS_FOLDER: Final = "EpisodeLog"

R = TypeVar("R", bound=BaseModel)


@dataclass(slots=True)
class Tally:
    """What importing makes of one kind."""

    read: int = 0
    new: int = 0
    replaced: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be written into a store, and the account of it by kind."""

    records: tuple[BaseModel, ...]
    episodes: tuple[Episode, ...]
    tallies: Mapping[str, Tally]

    def carry_out(self, store: SqliteStore) -> None:
        """Write: first all records at once, then the episodes that refer to them.

        Raises:
            StoreError: when the store cannot be written.
        """
        store.save(*self.records)
        for episode in self.episodes:
            store.add(episode)

    def as_json(self) -> dict[str, dict[str, int]]:
        """The account."""
        return {kind: asdict(tally) for kind, tally in self.tallies.items()}


def plan_import(contents: Contents, store: SqliteStore | None) -> Plan:
    """What importing will change; `None` is a store that does not exist yet.

    The named parts of the published set are added where the set is there. A pairing without an id
    gets that of the same one in the store, and what else has none one made of its content, so that
    importing again changes nothing.
    """
    told = {r.list_id for r in contents.records if isinstance(r, ScenarioList)}
    lists = lists_within(r for r in contents.records if isinstance(r, EnvironmentProfile))
    here = {(p.scenario_id, p.agent_ids): p for p in _all(store, Pairing)}
    tallies: dict[str, Tally] = {}
    changed: list[BaseModel] = []
    by_model: dict[type[BaseModel], dict[str, BaseModel]] = {}
    for record in (*contents.records, *(item for item in lists if item.list_id not in told)):
        form = _FORMS_BY_MODEL[type(record)]
        if form.model not in by_model:
            old = _all(store, form.model)
            by_model[form.model] = {getattr(r, form.identity): r for r in old}
        if isinstance(record, Pairing) and not record.pairing_id:
            record = here.get((record.scenario_id, record.agent_ids), record)
        identity = getattr(record, form.identity) or _made_of(record)
        record = record.model_copy(update={form.identity: identity})
        tally = tallies.setdefault(form.kind, Tally())
        if _counted(tally, record, by_model[form.model].get(identity)):
            changed.append(record)
    episodes = _changed_episodes(contents.episodes, store, tallies)
    return Plan(records=tuple(changed), episodes=tuple(episodes), tallies=tallies)


def _changed_episodes(
    episodes: Iterable[Episode], store: SqliteStore | None, tallies: dict[str, Tally]
) -> list[Episode]:
    read = [*episodes]
    if not read:
        return []
    old = {} if store is None else {e.key: e for e in store.get_many([e.key for e in read])}
    tally = tallies.setdefault(EPISODES, Tally())
    return [episode for episode in read if _counted(tally, episode, old.get(episode.key))]


def _counted(tally: Tally, record: BaseModel, old: BaseModel | None) -> bool:
    """Count a record; whether it has to be written."""
    tally.read += 1
    if old is None:
        tally.new += 1
        return True
    # a game that was read from a store has no rules yet, and equals none that has
    is_same = old.model_dump_json() == record.model_dump_json()
    if is_same:
        tally.unchanged += 1
    else:
        tally.replaced += 1
    return not is_same


def _all(store: SqliteStore | None, model: type[R]) -> list[R]:
    return [] if store is None else store.find(model)


def _made_of(record: BaseModel) -> str:
    return hashlib.sha256(record.model_dump_json().encode()).hexdigest()[:26]


def known_in(
    store: SqliteStore | None,
) -> tuple[dict[str, EnvironmentProfile], dict[str, AgentProfile]]:
    """Scenarios and characters of a store by id."""
    return (
        {profile.scenario_id: profile for profile in _all(store, EnvironmentProfile)},
        {profile.agent_id: profile for profile in _all(store, AgentProfile)},
    )


def plan_export(store: SqliteStore, layout: Layout) -> tuple[dict[str, str], dict[str, int]]:
    """Texts of all published files of a store by path below the folder, and how many of each kind.

    Raises:
        FormatError: for a record that has no form there.
    """
    texts: dict[str, str] = {}
    counts: dict[str, int] = {}
    for form in FORMS.values():
        records = store.find(form.model)
        if not records:
            continue
        counts[form.kind] = len(records)
        if layout == "local":
            texts |= write_local(form, records)
        else:
            texts[form.file] = write_jsonl(form, records)
    episodes = [*store.episodes()]
    if episodes:
        counts[EPISODES] = len(episodes)
    if layout == "local":
        for episode in episodes:
            path = local_path(LOGS_FOLDER, episode.key)
            texts[path] = json_text(write_episode_log(episode), path, indent=2)
    elif episodes:
        lines = (json_text(write_published_episode(e), f"episode {e.key}") for e in episodes)
        texts[EPISODES_FILE] = "".join(f"{line}\n" for line in lines)
    return texts, counts


def write_files(texts: Mapping[str, str], folder: Path) -> None:
    """Write the files of an export; others in the folder are left alone.

    All are written under other names first, so that a full disk or a place that is taken leaves
    the folder as it was.

    Raises:
        ConfigurationError: if they cannot be written.
    """
    scratches: list[tuple[Path, Path]] = []
    try:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(f"{path} is a folder")
            scratches.append((path.with_name(f".{path.name}"), path))
            scratches[-1][0].write_text(text, encoding="utf-8")
        for scratch, path in scratches:
            scratch.replace(path)
    except OSError as error:
        for scratch, _ in scratches:
            scratch.unlink(missing_ok=True)
        raise ConfigurationError(f"cannot write to {folder}: {error}") from error
