"""The embedded store: one SQLite file in WAL mode, safe for several processes."""

import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from ..episode import Episode
from ..errors import NotFoundError, StoreError, StoreUnavailable
from ..profiles import AgentProfile, Pairing
from .protocol import ID_FIELDS

R = TypeVar("R", bound=BaseModel)

USER_VERSION: Final = 2
"""Of the tables; a file of a newer version is refused and left as it is."""
BUSY_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 0.01
_KEYS_PER_QUERY: Final = 500

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS episodes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    tag TEXT NOT NULL,
    status TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS episodes_by_tag ON episodes (tag, number);
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (kind, id)
);
"""


class SqliteStore:
    """Episodes in one file, written one transaction each (`synchronous=NORMAL`).

    A process killed at any instant loses no episode whose `add` returned; a power failure may lose
    the last ones. Every method raises `StoreError` where the file cannot be read or changed.

    Raises:
        StoreUnavailable: when the file cannot be opened, is no store, or is of a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"cannot open the store {self.path}: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._db.close()
            raise StoreUnavailable(
                f"cannot open the store {self.path}: {error}; move the file away to start over"
            ) from error
        except StoreUnavailable:
            self._db.close()
            raise

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > USER_VERSION:
            raise StoreUnavailable(
                f"{self.path} is of store version {version}, this program knows {USER_VERSION}; "
                "use a newer sotopia-env"
            )
        self._enter_wal()
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)
        self._db.execute(f"PRAGMA user_version={USER_VERSION}")

    def _enter_wal(self) -> None:
        """Switch the journal; here SQLite does not wait for another process that is writing."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                return

    def add(self, episode: Episode) -> None:
        try:
            row = (episode.key, episode.tag, episode.status, episode.model_dump_json())
            self._db.execute(
                "INSERT INTO episodes (key, tag, status, record) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET tag=excluded.tag, status=excluded.status, "
                "record=excluded.record",
                row,
            )
        except (sqlite3.Error, PydanticSerializationError) as error:
            raise StoreError(
                f"cannot write episode {episode.key} to {self.path}: {error}"
            ) from error

    def get_many(self, keys: Sequence[str]) -> list[Episode]:
        rows = list(self._of_keys("key, record", keys))
        return [self._read(*row) for row in rows]

    def count_done(self, keys: Sequence[str]) -> int:
        return sum(status == "ok" for (status,) in self._of_keys("status", keys))

    def _of_keys(self, columns: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            chunk = keys[start : start + _KEYS_PER_QUERY]
            marks = ",".join("?" * len(chunk))
            yield from self._rows(
                f"SELECT {columns} FROM episodes WHERE key IN ({marks})",  # noqa: S608  # no data
                chunk,
            )

    def episodes(self, tag: str | None = None) -> Iterator[Episode]:
        where, values = ("WHERE tag = ?", (tag,)) if tag is not None else ("", ())
        query = f"SELECT key, record FROM episodes {where} ORDER BY number"  # noqa: S608  # constants
        for row in self._rows(query, values):
            yield self._read(*row)

    def delete_episode(self, key: str) -> bool:
        """Whether it was here."""
        try:
            done = self._db.execute("DELETE FROM episodes WHERE key = ?", (key,))
        except sqlite3.Error as error:
            raise StoreError(f"cannot change {self.path}: {error}") from error
        return done.rowcount > 0

    def __len__(self) -> int:
        (row,) = self._rows("SELECT COUNT(*) FROM episodes", ())
        return int(row[0])

    def save(self, *records: BaseModel) -> list[str]:
        """Keep profiles, pairings and lists; all of them, or none if one cannot be written.

        One of the same kind and id is replaced; one without an id is given one. Returns the ids.

        Raises:
            StoreError: for a kind of object that is not kept here, or one that cannot be written.
        """
        rows = []
        for record in records:
            kind = type(record).__name__
            if kind not in ID_FIELDS:
                raise StoreError(f"a store keeps {', '.join(ID_FIELDS)}, not {kind}")
            name = ID_FIELDS[kind]
            identity = getattr(record, name) or uuid.uuid4().hex
            text = record.model_copy(update={name: identity}).model_dump_json()
            rows.append((kind, identity, text))
        try:
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                self._db.executemany(
                    "INSERT INTO records (kind, id, record) VALUES (?, ?, ?) "
                    "ON CONFLICT (kind, id) DO UPDATE SET record=excluded.record",
                    rows,
                )
        except sqlite3.Error as error:
            raise StoreError(f"cannot write {len(rows)} records to {self.path}: {error}") from error
        return [identity for _, identity, _ in rows]

    def get(self, kind: type[R], identity: str) -> R:
        query = "SELECT id, record FROM records WHERE kind = ? AND id = ?"
        for row in list(self._rows(query, (kind.__name__, identity))):
            return self._parsed(kind, *row)
        raise NotFoundError(f"no {kind.__name__} {identity!r} in {self.path}")

    def find(self, kind: type[R], **fields: Any) -> list[R]:
        """Those whose fields have these values, in the order of their first writing."""
        query = "SELECT id, record FROM records WHERE kind = ? ORDER BY number"
        found = [self._parsed(kind, *row) for row in self._rows(query, (kind.__name__,))]
        unknown = sorted(fields.keys() - kind.model_fields.keys())
        if unknown:
            raise StoreError(f"{kind.__name__} has no field {unknown[0]!r}")
        return [r for r in found if all(getattr(r, name) == v for name, v in fields.items())]

    def delete(self, kind: type[BaseModel], identity: str) -> bool:
        """Whether it was here."""
        try:
            done = self._db.execute(
                "DELETE FROM records WHERE kind = ? AND id = ?", (kind.__name__, identity)
            )
        except sqlite3.Error as error:
            raise StoreError(f"cannot change {self.path}: {error}") from error
        return done.rowcount > 0

    def cast_for(self, scenario_id: str) -> tuple[AgentProfile, ...] | None:
        """The characters of the first pairing of a scenario, if all of them are here."""
        for pairing in self.find(Pairing, scenario_id=scenario_id):
            try:
                return tuple(self.get(AgentProfile, agent_id) for agent_id in pairing.agent_ids)
            except NotFoundError:
                continue
        return None

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> "SqliteStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, query: str, values: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(query, values)
        except sqlite3.Error as error:
            raise StoreError(
                f"cannot read the store {self.path}: {error}; move the file away to start over"
            ) from error

    def _read(self, key: str, record: str) -> Episode:
        return self._parsed(Episode, key, record)

    def _parsed(self, kind: type[R], identity: str, record: str) -> R:
        try:
            return kind.model_validate_json(record)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the record"
            what = "episode" if kind is Episode else kind.__name__
            raise StoreError(
                f"{what} {identity} in {self.path} is damaged: {where}: {first['msg']}; "
                "move the file away to start over"
            ) from error
