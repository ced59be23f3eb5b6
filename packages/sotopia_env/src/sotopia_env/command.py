"""The frame every entry point shares: composition, schema check, run folder, lock, exit codes.

An entry module declares a settings dataclass and a `main(settings, run)`, and ends with
`command("<package>", "<stem>", Settings, main)`. Its configuration is
`hydra_conf/<package>/<stem>.yaml`. This is the only importer of hydra.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

from .errors import ConfigurationError, SotopiaError, unknown_name
from .progress import Progress

OK, FAILED, REFUSED, UNSCORED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: complete; some work failed; bad configuration; unscored work remains; interrupted."""

_LOCK: Final = ".lock"
_SUMMARY, _TABLE, _MANIFEST = "summary.json", "table.txt", "manifest.json"
_SEEDS: Final = 2**32
_NOT_HASHED: Final = ("seed", "fresh", "hydra")
_VALUED: Final = ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn", "-p")
_SHOWING: Final = (
    *("--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i", "--version", "--resolve"),
    *("--shell-completion", "-sc"),
)
_MULTIRUN: Final = ("-m", "--multirun")

S = TypeVar("S")


@dataclass(slots=True, kw_only=True)
class Run:
    """The folder one run writes to, and what it says on the terminal."""

    folder: Path
    command: str
    seed: int
    config_hash: str
    config: Mapping[str, object] = field(repr=False)

    def start(self) -> None:
        """Write `config.yaml` and `manifest.json`, once the input has proved usable.

        With `fresh=true` what an earlier run left is removed first.
        """
        from omegaconf import OmegaConf

        if self.config.get("fresh"):
            _empty(self.folder)
        config = OmegaConf.to_yaml(OmegaConf.create(dict(self.config)))
        write_atomically(self.folder / "config.yaml", config)
        write_atomically(self.folder / _MANIFEST, _as_json(_manifest(self)))

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

    @property
    def is_finished(self) -> bool:
        return (self.folder / _SUMMARY).exists()

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


def command(
    package: str,
    stem: str,
    settings: type[S],
    main: Callable[[S, Run], int],
    argv: Sequence[str] | None = None,
) -> NoReturn:
    """Compose `hydra_conf/<package>/<stem>.yaml` with the command line, run `main`, exit.

    Hydra's own options (`--help`, `--cfg job`, `-m`, `--config-dir`, `key=value`) all work. The
    process exits with the codes at the top of this module; a refused run leaves no folder behind.
    """
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr
    )
    signal.signal(signal.SIGTERM, _as_interrupt)
    given = sys.argv[1:] if argv is None else argv
    frame = _Frame(package=package, stem=stem, settings=settings, main=main)
    try:
        sys.exit(frame.start([_for_hydra(argument, settings) for argument in given]))
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to continue", file=sys.stderr)
        sys.exit(INTERRUPTED)


def refusal(package: str, stem: str, settings: type[Any], arguments: Sequence[str]) -> str | None:
    """Why `command` would refuse a command line before `main` sees it, or `None`; runs nothing."""
    frame = _Frame(package=package, stem=stem, settings=settings, main=lambda *_: OK)
    return frame.refusal([_for_hydra(argument, settings) for argument in arguments])


def _for_hydra(argument: str, settings: type[Any]) -> str:
    """A command line's argument as Hydra needs it.

    `+exp=a` becomes `exp=a`, for Hydra would look for an appended group beside the primary
    configuration, in its subfolder. `grpo.beta=0` becomes `++grpo.beta=0` where `grpo` holds
    options of somebody else's, of which Hydra would take those only that we happen to list.
    """
    if argument.startswith("+exp="):
        return argument[1:]
    group, dot, _ = argument.partition("=")[0].partition(".")
    is_open = any(item.name == group and item.type == dict[str, Any] for item in fields(settings))
    return f"++{argument}" if dot and is_open else argument


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@dataclass(slots=True, kw_only=True)
class _Frame:
    """One invocation: composed once ahead to answer mistakes in our words, then run by Hydra."""

    package: str
    stem: str
    settings: type[Any]
    main: Callable[[Any, Run], int]
    codes: list[int] = field(default_factory=list)
    """Of the jobs that have come to an end."""
    jobs: int = 0
    """Jobs begun."""
    old: set[Path] = field(default_factory=set)
    """What of the output folders was there before."""

    def __post_init__(self) -> None:
        from omegaconf import OmegaConf

        OmegaConf.register_new_resolver("run_name", _run_name, replace=True)

    def start(self, arguments: list[str]) -> int:
        if not any(argument.split("=")[0] in _SHOWING for argument in arguments):
            problem = self.refusal(arguments)
            if problem is not None:
                return _refuse(problem)
        return self._through_hydra(arguments)

    def _through_hydra(self, arguments: list[str]) -> int:
        import hydra

        sys.argv = [f"python -m {self.package}.{self.stem}", *arguments]
        start = hydra.main(
            version_base="1.3",
            config_path=f"pkg://{self.package}.hydra_conf",
            config_name=f"{self.package}/{self.stem}",
        )(self._job)
        try:
            start()
        except SystemExit as stop:
            if stop.code not in (None, 0) and not self.jobs:
                return REFUSED  # Hydra's own errors leave with 1, and so does a crash of a job
            raise
        return max(self.codes, default=OK)

    def refusal(self, arguments: list[str]) -> str | None:
        """Why the command line cannot work, or `None`. Swept values are left to the single jobs."""
        from hydra import compose, initialize_config_module
        from hydra.errors import HydraException
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        overrides, folders = _split(arguments)
        if any(argument in _MULTIRUN for argument in arguments):
            overrides = [_first_of_sweep(override) for override in overrides]
        if folders:
            found = ",".join(f"file://{Path(folder).resolve()}" for folder in folders)
            overrides = [f"hydra.searchpath=[{found}]", *overrides]
        try:
            with initialize_config_module(f"{self.package}.hydra_conf", version_base="1.3"):
                config = compose(
                    f"{self.package}/{self.stem}", overrides=overrides, return_hydra_config=True
                )
            self.old = _existing(config.hydra.run.dir, config.hydra.sweep.dir)
            own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            self._typed(OmegaConf.to_container(own, resolve=True))
        except (HydraException, OmegaConfBaseException) as error:
            return self._explain(error)
        except ConfigurationError as error:
            return str(error)
        return None

    def _explain(self, error: Exception) -> str:
        """Hydra's message without what only its authors need."""
        text = str(error).partition("Config search path")[0]
        if text.startswith("Could not override '"):
            return unknown_name("setting", text.split("'")[1], _keys(self.settings))
        cause = str(error.__cause__ or "").splitlines()[:1]
        return "\n".join(dict.fromkeys([*filter(str.strip, text.splitlines()), *cause]))

    def _typed(self, values: Any) -> Any:
        """The settings object of composed values; the schema is what is allowed."""
        from omegaconf import OmegaConf
        from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

        try:
            return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(self.settings), values))
        except ConfigKeyError as error:
            name = str(error.full_key)
            raise ConfigurationError(unknown_name("setting", name, _keys(self.settings))) from error
        except OmegaConfBaseException as error:
            problem = str(error).splitlines()[0]
            raise ConfigurationError(f"setting {error.full_key}: {problem}") from error

    def _job(self, config: Any) -> None:
        from hydra.core.hydra_config import HydraConfig
        from omegaconf import OmegaConf

        self.jobs += 1
        values: Any = OmegaConf.to_container(config, resolve=True)
        folder = Path(HydraConfig.get().runtime.output_dir)
        run = Run(
            folder=folder,
            command=f"{self.package}.{self.stem}",
            seed=int(values.get("seed", 0)),
            config_hash=config_hash(values),
            config=values,
        )
        try:
            _check_seed(run.seed)
            with _locked(folder):
                self.codes.append(self._work(self._typed(values), run))
        except ConfigurationError as error:
            _remove_new(folder, self.old)
            self.codes.append(_refuse(str(error)))
        except SotopiaError as error:
            print(f"failed: {error}", file=sys.stderr)
            self.codes.append(FAILED)

    def _work(self, settings: Any, run: Run) -> int:
        if not run.config.get("fresh"):
            _check_same(run)
        if run.is_finished and not run.config.get("fresh"):
            run.say((run.folder / _TABLE).read_text(encoding="utf-8"))
            run.say(f"already complete: {run.shown_folder} (fresh=true starts over)")
            return OK
        return self.main(settings, run)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
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


def _run_name(*, _root_: Any) -> str:
    """`<exp or name>-<config hash>-s<seed>`."""
    from omegaconf import OmegaConf

    values = {
        key: OmegaConf.to_container(_root_[key], resolve=True)
        if OmegaConf.is_config(_root_[key])
        else _root_[key]
        for key in _root_
        if key != "hydra"
    }
    name = _root_.hydra.runtime.choices.get("exp") or values.get("name") or "default"
    return f"{name}-{config_hash(values)}-s{values.get('seed', 0)}"


def _manifest(run: Run) -> dict[str, object]:
    versions = {}
    for name in ("sotopia-env", "sotopia-trainers", "sotopia-tom", "torch", "transformers", "trl"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "command": run.command,
        "config_hash": run.config_hash,
        "seed": run.seed,
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


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Overrides, and the folders given by `--config-dir`."""
    overrides, folders = [], []
    rest = iter(arguments)
    for argument in rest:
        name, _, value = argument.partition("=")
        if name in _VALUED:
            value = value or next(rest, "")
            if name in ("--config-dir", "-cd"):
                folders.append(value)
        elif not argument.startswith("-"):
            overrides.append(argument)
    return overrides, folders


def _first_of_sweep(override: str) -> str:
    """`seed=0,1,2` as `seed=0`; lists and quoted values are no sweeps."""
    key, _, value = override.partition("=")
    return override if value[:1] in ("[", "{", "'", '"') else f"{key}={value.split(',')[0]}"


def _keys(settings: type[Any], prefix: str = "") -> list[str]:
    keys = []
    for item in fields(settings):
        if isinstance(item.type, type) and is_dataclass(item.type):
            keys += _keys(item.type, f"{prefix}{item.name}.")
        else:
            keys.append(prefix + item.name)
    return keys


def _refuse(problem: str) -> int:
    print(f"error: {problem}", file=sys.stderr)
    return REFUSED


def _empty(folder: Path) -> None:
    """Remove what an earlier run of ours left in the folder."""
    old = [path for path in folder.iterdir() if path.name != _LOCK]
    if old and not (folder / _MANIFEST).exists():
        raise ConfigurationError(
            f"fresh=true would empty {folder}, which is no run of ours; choose another folder"
        )
    for path in old:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _check_same(run: Run) -> None:
    """Refuse to go on with a run of other settings."""
    path = run.folder / _MANIFEST
    if not path.exists():
        return
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
        found = (old["command"], old["config_hash"], old["seed"])
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


def _check_seed(seed: int) -> None:
    """Refuse what the generators of NumPy and torch would."""
    if not 0 <= seed < _SEEDS:
        raise ConfigurationError(f"seed must be a whole number from 0 below 2**32, got {seed}")


def _existing(*folders: str) -> set[Path]:
    """Those of the folders, what is in them, and all above them, that exist."""
    found: set[Path] = set()
    for folder in map(Path.absolute, map(Path, folders)):
        found.update(path for path in (folder, *folder.parents) if path.exists())
        found.update(folder.iterdir() if folder.is_dir() else ())
    return found


def _remove_new(folder: Path, old: set[Path]) -> None:
    """Remove the folder of a refused run and those above it, as far as they are new and empty."""
    for path in (folder.absolute(), *folder.absolute().parents):
        sweep = path / "multirun.yaml"
        if sweep not in old and [*path.iterdir()] == [sweep]:
            sweep.unlink()  # Hydra's note about a sweep of which nothing else is left
        if path in old or any(path.iterdir()):
            return
        path.rmdir()


def _as_json(value: object) -> str:
    """Strict JSON: an infinite bound or NaN in a result is a mistake, not a figure."""
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n"
