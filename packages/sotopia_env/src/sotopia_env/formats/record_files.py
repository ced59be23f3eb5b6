"""Whole files of records: JSONL, the original's local storage, the benchmark's list of settings.

Reading is all or nothing: one bad record and nothing of the text is given.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ..profiles import Pairing
from .reading import json_text, read_json, read_lines, read_object, read_text, refusal
from .records import PAIRINGS, R, RecordForm

_LONGEST_NAME: Final = 200
"""Bytes of a file's name that every file system takes."""


class Identities:
    """The ids seen so far, by kind, and where."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], str] = {}

    def add(self, kind: str, identity: str, where: str) -> None:
        """Remember an id; an empty one is none.

        Raises:
            FormatError: if it was seen before.
        """
        first = self._places.setdefault((kind, identity), where)
        if identity and first != where:
            raise refusal(where, f"id {identity!r} stands in {first} too", "remove one of them")


def read_jsonl(form: RecordForm[R], text: str, file: str = "the text") -> list[R]:
    """The records of a JSONL file.

    Raises:
        FormatError: for a torn line, a foreign one, or an id that stands twice.
    """
    seen, records = Identities(), []
    for where, line in read_lines(text, file):
        record = form.read(line, where)
        seen.add(form.kind, getattr(record, form.identity), where)
        records.append(record)
    return records


def write_jsonl(form: RecordForm[R], records: Iterable[R]) -> str:
    """The JSONL file of records."""
    return "".join(f"{json_text(form.write(record))}\n" for record in records)


def read_local(form: RecordForm[R], base: Path) -> list[R]:
    """The records of one class in a folder of the original's local storage, by file name.

    Raises:
        FormatError: for a file that is torn or foreign, or an id that stands twice.
    """
    seen, records = Identities(), []
    for path in sorted((base / form.folder).glob("*.json")):
        where = f"{form.folder}/{path.name}"
        record = form.read(read_object(read_text(path, where), where), where)
        seen.add(form.kind, getattr(record, form.identity), where)
        records.append(record)
    return records


def write_local(form: RecordForm[R], records: Iterable[R]) -> dict[str, str]:
    """The texts of the local files of records, by path below the base folder.

    Raises:
        FormatError: for a record without an id, or with one that makes no file name.
    """
    return {
        local_path(form.folder, getattr(record, form.identity), form.name_of(record)): json_text(
            form.write(record, "local"), indent=2
        )
        for record in records
    }


def local_path(folder: str, identity: str, name: str = "") -> str:
    """`<folder>/<id>.json`; an id with `/` or a leading `.` is escaped, so none leads elsewhere."""
    escaped = quote(identity, safe="")
    if escaped.startswith("."):
        escaped = f"%2E{escaped[1:]}"
    if not escaped or len(escaped) > _LONGEST_NAME:
        raise refusal("", f"{name or repr(identity)} makes no file name", "give it another id")
    return f"{folder}/{escaped}.json"


def read_settings(text: str, where: str = "the list of settings") -> list[Pairing]:
    """The benchmark's document: an array of `{"env_id", "agent_ids"}`, without ids of their own.

    Raises:
        FormatError: if it is anything else.
    """
    rows = read_json(text, where)
    if not isinstance(rows, list):
        raise refusal(
            where, f"an array is expected, got {type(rows).__name__}", "check the address"
        )
    return [PAIRINGS.read(row, f"{where} row {number}") for number, row in enumerate(rows, start=1)]


def write_settings(pairings: Sequence[Pairing]) -> str:
    """The benchmark's document."""
    rows = [{"env_id": p.scenario_id, "agent_ids": [*p.agent_ids]} for p in pairings]
    return json_text(rows)
