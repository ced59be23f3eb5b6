"""The folder of one run: what lies in it, whose it is, and that a refused run leaves none."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from .errors import ConfigurationError
from .progress import Progress

_LOCK: Final = ".lock"
_EMPTYING: Final = ".emptying"
"""What the manifest is called while the folder is being emptied; half a run is none."""
_SUMMARY, _TABLE, _MANIFEST = "summary.json", "table.txt", "manifest.json"
_NOT_HASHED: Final = ("seed", "fresh", "hydra")


@dataclass(slots=True, kw_only=True)
class Run:
    """The folder one run writes to, and what it says on the terminal."""

    folder: Path
    command: str
    seed: int
    config_hash: str
    config: str = field(repr=False)
    """The composed settings, as YAML."""
    values: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The composed settings; the files and folders they name are part of what the run is."""
    is_fresh: bool = False
    """Whether what an earlier run left is to be removed."""

    def start(self) -> None:
        """Write `config.yaml` and `manifest.json`, once the input has proved usable.

        With `fresh=true` what an earlier run left is removed first. A run that goes on keeps its
        manifest: `made_with` has one entry for each state of the code that worked on it.
        """
        path = self.folder / _MANIFEST
        if self.is_fresh or (self.folder / _EMPTYING).exists():
            _empty(self.folder)
        if path.exists():  # `check_same` has compared it
            manifest = json.loads(path.read_text(encoding="utf-8"))
        else:
            manifest = _manifest(self)
        code = _code()
        if code not in manifest["made_with"][-1:]:
            manifest["made_with"].append(code)
        write_atomically(self.folder / "config.yaml", self.config)
        write_atomically(path, _as_json(manifest))

    def say(self, text: str) -> None:
        """A line for the person who started the command."""
        print(text, flush=True)

    @contextmanager
    def progress(self, label: str, total: int, *, done: int = 0) -> Iterator[Progress]:
        """Show `done`..`total` while the block runs."""
        bar = Progress(label, total, done=done)
        try:
            yield bar
        finally:
            bar.close()

    def finish(self, summary: Mapping[str, object], table: str) -> None:
        """Write `table.txt` and `summary.json` and print the table; the run is then complete."""
        write_atomically(self.folder / _TABLE, table)
        write_atomically(self.folder / _SUMMARY, _as_json(summary))
        self.say(table)
        self.say(f"written to {self.shown_folder}")

    def show(self) -> None:
        """Print the table of a finished run again."""
        self.say((self.folder / _TABLE).read_text(encoding="utf-8"))
        self.say(f"already complete: {self.shown_folder} (fresh=true starts over)")

    @property
    def is_finished(self) -> bool:
        return all((self.folder / name).exists() for name in (_MANIFEST, _SUMMARY, _TABLE))

    @property
    def shown_folder(self) -> str:
        """The folder as a person at the terminal would name it."""
        return os.path.relpath(self.folder)


def write_atomically(path: Path, text: str) -> None:
    """Replace `path` as a whole: readers see the old text or the new, never half of either."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with scratch.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.replace(path)


def config_hash(config: Mapping[str, object]) -> str:
    """Eight hex digits of the resolved settings but the seed; runs of one experiment share it."""
    kept = {key: value for key, value in config.items() if key not in _NOT_HASHED}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:8]


def digests(value: object, key: str = "") -> dict[str, str]:
    """SHA-256 of what the settings name on this machine, by name.

    Looked for are `policy:<folder>` and others of that form, the setting `path`, and `*.json`.

    Raises:
        ConfigurationError: for a file that cannot be read.
    """
    if isinstance(value, Mapping):
        return {name: d for k, v in value.items() for name, d in digests(v, str(k)).items()}
    if isinstance(value, list):
        return {name: d for item in value for name, d in digests(item).items()}
    if not isinstance(value, str):
        return {}
    _, scheme, named = value.rpartition(":")
    path = Path(named.partition("?")[0])
    if not (scheme or key == "path" or path.suffix == ".json") or not path.exists():
        return {}
    whole = hashlib.sha256()
    try:
        for file in sorted(file for file in (path, *path.rglob("*")) if file.is_file()):
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            whole.update(f"{file.relative_to(path)} {digest}\n".encode())
    except OSError as error:
        raise ConfigurationError(f"cannot read {value}: {error}") from error
    return {value: whole.hexdigest()}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run folder for this process; the lock goes with the process, however it ends."""
    path = folder / _LOCK
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ConfigurationError(
                f"{os.path.relpath(folder)} is in use by process {lock.read().strip()}; "
                "wait for it, or choose another folder with hydra.run.dir=<folder>"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def check_same(run: Run) -> None:
    """Refuse to go on with a run of other settings, or with what is no run."""
    path = run.folder / _MANIFEST
    if not path.exists():
        if _contents(run.folder) and not (run.folder / _EMPTYING).exists():
            raise ConfigurationError(
                f"{run.shown_folder} has files in it but no {_MANIFEST}, so it is no run of ours; "
                "choose another folder with hydra.run.dir=<folder>"
            )
        return
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
        found = (old["command"], old["config_hash"], old["seed"])
        inputs, _ = dict(old["inputs"]), list(old["made_with"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is damaged; fresh=true starts over") from error
    now = (run.command, run.config_hash, run.seed)
    if found != now:
        names = ("command", "settings", "seed")
        changes = [f"{n} {a} then, {b} now" for n, a, b in zip(names, found, now, strict=True)]
        raise ConfigurationError(
            f"{run.shown_folder} holds another run ({'; '.join(changes)}); "
            "fresh=true starts over, hydra.run.dir=<folder> goes elsewhere"
        )
    present = digests(run.values)
    changed = sorted(name for name, digest in present.items() if inputs.get(name) != digest)
    if changed:
        raise ConfigurationError(
            f"{run.shown_folder} was begun with other contents of {', '.join(changed)}; "
            "fresh=true starts over, hydra.run.dir=<folder> goes elsewhere"
        )


def check_usable(folder: Path) -> None:
    """Refuse a run folder that cannot be made or written to."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        Path(tempfile.mkdtemp(prefix=".", dir=nearest)).rmdir()
    except OSError as error:
        raise ConfigurationError(
            f"hydra.run.dir={folder} cannot be used: {nearest} is "
            f"{'not writable' if nearest.is_dir() else 'no folder'}"
        ) from error


def existing(*folders: str) -> set[Path]:
    """Those of the folders, what is in them, and all above them, that exist."""
    found: set[Path] = set()
    for folder in map(Path.absolute, map(Path, folders)):
        found.update(path for path in (folder, *folder.parents) if path.exists())
        found.update(folder.iterdir() if folder.is_dir() else ())
    return found


def remove_new(folder: Path, old: set[Path]) -> None:
    """Remove the folder of a refused run and those above it, as far as they are new and empty."""
    for path in (folder.absolute(), *folder.absolute().parents):
        sweep = path / "multirun.yaml"
        if sweep not in old and [*path.iterdir()] == [sweep]:
            sweep.unlink()  # Hydra's note about a sweep of which nothing else is left
        if path in old or any(path.iterdir()):
            return
        path.rmdir()


def _contents(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name != _LOCK]


def _empty(folder: Path) -> None:
    """Remove what an earlier run of ours left; stopped half-way, the next run removes the rest."""
    manifest, marker = folder / _MANIFEST, folder / _EMPTYING
    if manifest.exists():
        manifest.replace(marker)
    elif _contents(folder) and not marker.exists():
        raise ConfigurationError(
            f"fresh=true would empty {folder}, which is no run of ours; choose another folder"
        )
    for path in _contents(folder):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != marker:
            path.unlink()
    marker.unlink(missing_ok=True)


def _manifest(run: Run) -> dict[str, Any]:
    """Of a run that begins; `made_with` is to be filled by the code that works on it."""
    return {
        "command": run.command,
        "config_hash": run.config_hash,
        "seed": run.seed,
        "inputs": digests(run.values),
        "made_with": [],
    }


def _code() -> dict[str, object]:
    """What works on a run: this code, and the versions of what it stands on."""
    versions = {}
    for name in ("sotopia-env", "sotopia-trainers", "sotopia-tom", "torch", "transformers", "trl"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "git_commit": _git_commit(),
        "python": sys.version.split()[0],
        "versions": versions,
    }


def _git_commit() -> str | None:
    """Of the checkout this package runs from; `None` outside of one."""
    git = shutil.which("git")
    if git is None:
        return None
    here = Path(__file__).parent
    found = subprocess.run(  # noqa: S603  # constant arguments
        [git, "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() if found.returncode == 0 else None


def _as_json(value: object) -> str:
    """Strict JSON: an infinite bound or NaN in a result is a mistake, not a figure."""
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n"
