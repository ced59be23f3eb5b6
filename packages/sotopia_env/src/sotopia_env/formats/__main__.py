"""`python -m sotopia_env.formats`: published files into the store, and back.

`path` is a folder or file, `hub:<owner/dataset>`, or the address of the benchmark's list of
settings; with `direction=export` it is the folder to write to. Everything is read before anything
is written: a torn or foreign file and the store stays as it was.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, get_args

from ..command import OK, command
from ..errors import ConfigurationError, FormatError, one_of
from ..run_folder import Run
from ..store import SqliteStore, default_path
from .downloads import HUB, fetch_settings, hub_folder
from .exchange import known_in, plan_export, plan_import, write_files
from .recognition import EPISODES, GAMES, ID_LISTS, LOGS
from .records import FORMS, Layout
from .settings import Settings
from .sources import Contents, FileReport, read_source

_KEPT: Final = {*FORMS, EPISODES, GAMES, LOGS, ID_LISTS}


def main(settings: Settings, run: Run) -> int:
    """Check, read, write, print what became of what."""
    one_of(("sotopia",), settings.source, "source")
    direction = one_of(("import", "export"), settings.direction, "direction")
    if not settings.path:
        raise ConfigurationError(
            "path= is missing: a folder, hub:<owner/dataset>, or the address of a list of settings"
        )
    try:
        if direction == "import":
            return _import(settings, settings.path, run)
        return _export(settings, Path(settings.path), run)
    except FormatError as error:
        raise ConfigurationError(str(error)) from error


def _import(settings: Settings, source: str, run: Run) -> int:
    path = _store_path(settings)
    with _present(path) as store:
        contents = _contents(source, store)
        plan = plan_import(contents, store)
    if settings.dry_run or not (plan.records or plan.episodes):
        run.start()
    else:
        with SqliteStore(path) as store:
            run.start()
            plan.carry_out(store)
    account = plan.as_json()
    summary: dict[str, object] = {
        "direction": "import",
        "dry_run": settings.dry_run,
        "files": {f.name: {"kind": f.kind, "count": f.count} for f in contents.files},
        "records": account,
    }
    lines = [
        *_table(("file", "kind", "count"), [(f.name, f.kind, f.count) for f in contents.files]),
        "",
        *_table(
            ("kind", "read", "new", "replaced", "unchanged"),
            [(kind, *tally.values()) for kind, tally in account.items()],
        ),
        *_notes(contents.files, contents.unread),
        f"nothing written: dry_run=true ({path})" if settings.dry_run else f"store: {path}",
    ]
    run.finish(summary, "\n".join(lines))
    return OK


def _contents(source: str, store: SqliteStore | None) -> Contents:
    if source.startswith(("http://", "https://")):
        rows = asyncio.run(fetch_settings(source))
        report = FileReport(name=source, kind="pairings", count=len(rows))
        return Contents(records=[*rows], files=[report])
    folder = hub_folder(source.removeprefix(HUB)) if source.startswith(HUB) else Path(source)
    return read_source(folder, *known_in(store))


def _export(settings: Settings, folder: Path, run: Run) -> int:
    layout = one_of(get_args(Layout), settings.layout, "layout")
    path = _store_path(settings)
    with _present(path) as store:
        if store is None:
            raise ConfigurationError(
                f"there is no store {path}; import something, or set store.path="
            )
        texts, counts = plan_export(store, layout)
    if not settings.dry_run:
        write_files(texts, folder)
    run.start()
    summary: dict[str, object] = {
        "direction": "export",
        "dry_run": settings.dry_run,
        "files": len(texts),
        "records": counts,
    }
    written = "would be" if settings.dry_run else "were"
    lines = [
        *_table(("kind", "written"), [*counts.items()]),
        f"{len(texts)} files {written} written to {folder}",
    ]
    run.finish(summary, "\n".join(lines))
    return OK


def _store_path(settings: Settings) -> Path:
    return default_path() if settings.store.path is None else Path(settings.store.path)


@contextmanager
def _present(path: Path) -> Iterator[SqliteStore | None]:
    """The store, or `None` where none is; nothing is made by looking."""
    if not path.exists():
        yield None
        return
    with SqliteStore(path) as store:
        yield store


def _notes(files: Sequence[FileReport], unread: Sequence[str]) -> list[str]:
    """What was left out, and why."""
    others = [f"{f.name} ({f.kind})" for f in files if f.kind not in _KEPT]
    notes = [f"recognised, but a store has no place for: {', '.join(others)}"] if others else []
    return [*notes, *([f"neither JSON nor JSONL: {', '.join(unread)}"] if unread else [])]


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Aligned columns; numbers to the right."""
    cells = [[*map(str, head)], *([*map(str, row)] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if cell.isdecimal() else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


if __name__ == "__main__":
    command("sotopia_env", "formats", Settings, main)
