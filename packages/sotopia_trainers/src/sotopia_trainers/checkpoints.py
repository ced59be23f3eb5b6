"""Checkpoints that say themselves whether they are complete, by a manifest written last."""

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Final

from sotopia_env.run_folder import write_atomically

_log = logging.getLogger(__name__)

COMPLETE: Final = "complete.json"
"""Manifest of a checkpoint, written last: names, sizes and hashes of its files."""


def seal(folder: Path) -> None:
    """Write the manifest that makes a checkpoint complete."""
    files = {
        str(path.relative_to(folder)): {"size": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != COMPLETE
    }
    write_atomically(folder / COMPLETE, json.dumps(files, indent=1))


def is_complete(folder: Path) -> bool:
    """Whether a folder is exactly what its manifest says."""
    try:
        files = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
        return bool(files) and all(
            (folder / name).stat().st_size == entry["size"]
            and _sha256(folder / name) == entry["sha256"]
            for name, entry in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # no manifest, or one that is damaged itself


def newest_complete(folder: Path) -> Path | None:
    """The complete checkpoint of the highest step; newer ones are removed, for TRL trusts names."""
    for path in checkpoints(folder):
        if is_complete(path):
            return path
        _log.warning("%s is not complete (a run was killed, or a file damaged): removed", path)
        shutil.rmtree(path)
    return None


def checkpoints(folder: Path) -> list[Path]:
    """Newest first."""
    found = [path for path in folder.glob("checkpoint-*") if path.name[11:].isdecimal()]
    return sorted(found, key=step_of, reverse=True)


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written, from its name."""
    return int(checkpoint.name.rpartition("-")[2])


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
