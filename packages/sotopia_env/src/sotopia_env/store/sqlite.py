"""The embedded store: one SQLite file in WAL mode, safe for several processes."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from ..episode import Episode
from ..errors import StoreError

USER_VERSION: Final = 1
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
"""


class SqliteStore:
    """Episodes in one file, written one transaction each (`synchronous=NORMAL`).

    A process killed at any instant loses no episode whose `add` returned; a power failure may lose
    the last ones.

    Raises:
        StoreError: when the file cannot be opened, is no store, or is of a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the store {self.path}: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._db.close()
            raise StoreError(
                f"cannot open the store {self.path}: {error}; move the file away to start over"
            ) from error
        except StoreError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > USER_VERSION:
            raise StoreError(
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

    def __len__(self) -> int:
        (row,) = self._rows("SELECT COUNT(*) FROM episodes", ())
        return int(row[0])

    def close(self) -> None:
        self._db.close()

    def _rows(self, query: str, values: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(query, values)
        except sqlite3.Error as error:
            raise StoreError(
                f"cannot read the store {self.path}: {error}; move the file away to start over"
            ) from error

    def _read(self, key: str, record: str) -> Episode:
        try:
            return Episode.model_validate_json(record)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the record"
            raise StoreError(
                f"episode {key} in {self.path} is damaged: {where}: {first['msg']}; "
                "move the file away to start over"
            ) from error
