"""The frame every entry point shares: composition, schema check, signals, exit codes.

An entry module declares a settings dataclass and a `main(settings, run)`, and ends with
`command("<package>", "<stem>", Settings, main)`. Its configuration is
`hydra_conf/<package>/<stem>.yaml`. This is the only importer of hydra.
"""

import logging
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

from .errors import ConfigurationError, SotopiaError, unknown_name
from .run_folder import (
    Run,
    check_same,
    check_usable,
    config_hash,
    existing,
    locked,
    remove_new,
)

OK, FAILED, REFUSED, UNSCORED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: complete; some work failed; bad configuration; unscored work remains; interrupted."""

_SEEDS: Final = 2**32
_VALUED: Final = ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn", "-p")
_SHOWING: Final = (
    *("--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i", "--version", "--resolve"),
    *("--shell-completion", "-sc"),
)
_MULTIRUN: Final = ("-m", "--multirun")

S = TypeVar("S")


def command(
    package: str,
    stem: str,
    settings: type[S],
    main: Callable[[S, Run], int],
    argv: Sequence[str] | None = None,
    *,
    if_interrupted: str = "run the same command again to continue",
) -> NoReturn:
    """Compose `hydra_conf/<package>/<stem>.yaml` with the command line, run `main`, exit.

    Hydra's own options (`--help`, `--cfg job`, `-m`, `--config-dir`, `key=value`) all work. The
    process exits with the codes at the top of this module; a refused run leaves no folder behind.
    `if_interrupted` is what the person is told who stops it.
    """
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr
    )
    # behind `&` in a script interrupts are ignored, and then SIGTERM would be too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _as_interrupt)
    given = sys.argv[1:] if argv is None else argv
    frame = _Frame(package=package, stem=stem, settings=settings, main=main)
    try:
        sys.exit(frame.start([_for_hydra(argument, settings) for argument in given]))
    except KeyboardInterrupt:
        print(f"\ninterrupted; {if_interrupted}", file=sys.stderr)
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
    signal.raise_signal(signal.SIGINT)  # which an event loop knows how to end on


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
        """Why the command line cannot work, or `None`. Of a sweep every value is looked at once."""
        from hydra.errors import HydraException
        from omegaconf.errors import OmegaConfBaseException

        overrides, folders = _split(arguments)
        if folders:
            found = ",".join(f"file://{Path(folder).resolve()}" for folder in folders)
            overrides = [f"hydra.searchpath=[{found}]", *overrides]
        is_sweep = any(argument in _MULTIRUN for argument in arguments)
        try:
            for job in _each_value_once(overrides) if is_sweep else [overrides]:
                self._compose(job)
        except (HydraException, OmegaConfBaseException) as error:
            return self._explain(error)
        except ConfigurationError as error:
            return str(error)
        return None

    def _compose(self, overrides: list[str]) -> None:
        """Look at one job without running it."""
        from hydra import compose, initialize_config_module
        from omegaconf import OmegaConf

        self._check_groups(overrides)
        with initialize_config_module(f"{self.package}.hydra_conf", version_base="1.3"):
            config = compose(
                f"{self.package}/{self.stem}", overrides=overrides, return_hydra_config=True
            )
        check_usable(Path(config.hydra.run.dir))
        self.old |= existing(config.hydra.run.dir, config.hydra.sweep.dir)
        own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
        self._typed(OmegaConf.to_container(own, resolve=True))

    def _check_groups(self, overrides: list[str]) -> None:
        """Refuse what Hydra would take for a group of settings, and then use the last of."""
        groups = [f.name for f in fields(self.settings) if is_dataclass(f.type)]
        for override in overrides:
            key, _, value = override.partition("=")
            if key in groups and (value[:1] == "[" or value == "null"):
                raise ConfigurationError(f"{key} takes one name, got {value}")

    def _explain(self, error: Exception) -> str:
        """Hydra's message without what only its authors need."""
        text = str(error).partition("Config search path")[0]
        if text.startswith("Could not override '"):
            name, known = text.split("'")[1], _keys(self.settings)
            if name in known:
                return f"{name} is no setting of what else was chosen; leave it out"
            return unknown_name("setting", name, known)
        cause = str(error.__cause__ or "").splitlines()[:1]
        return "\n".join(dict.fromkeys([*filter(str.strip, text.splitlines()), *cause]))

    def _typed(self, values: Any) -> Any:
        """The settings object of composed values; the schema is what is allowed."""
        from omegaconf import OmegaConf
        from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

        for item in fields(self.settings):
            if item.type == list[str] and isinstance(values.get(item.name), str):
                values = {**values, item.name: [values[item.name]]}
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
        try:
            settings = self._typed(values)
            run = Run(
                folder=folder,
                command=f"{self.package}.{self.stem}",
                seed=settings.seed,
                config_hash=config_hash(values),
                config=OmegaConf.to_yaml(OmegaConf.create(values)),
                values=values,
                is_fresh=settings.fresh,
            )
            _check_seed(run.seed)
            with locked(folder):
                self.codes.append(self._work(settings, run))
        except ConfigurationError as error:
            self.codes.append(_refuse(str(error)))
        except SotopiaError as error:
            print(f"failed: {error}", file=sys.stderr)
            self.codes.append(FAILED)
        finally:
            remove_new(folder, self.old)

    def _work(self, settings: Any, run: Run) -> int:
        if not run.is_fresh:
            check_same(run)
            if run.is_finished:
                run.show()
                return OK
        return self.main(settings, run)


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


def _each_value_once(overrides: list[str]) -> Iterator[list[str]]:
    """Jobs of a sweep that have every value of every swept setting, each beside first values."""
    values = [_swept(override) for override in overrides]
    first = [choices[0] for choices in values]
    yield first
    for place, choices in enumerate(values):
        for choice in choices[1:]:
            yield [*first[:place], choice, *first[place + 1 :]]


def _swept(override: str) -> list[str]:
    """`seed=0,1` and `seed=range(0,2)` as `seed=0` and `seed=1`; what is no sweep as it is."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    swept = OverridesParser.create().parse_override(override)
    if not swept.is_sweep_override():
        return [override]
    return [f"{swept.get_key_element()}={value}" for value in swept.sweep_string_iterator()]


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


def _check_seed(seed: int) -> None:
    """Refuse what the generators of NumPy and torch would."""
    if not 0 <= seed < _SEEDS:
        raise ConfigurationError(f"seed must be a whole number from 0 below 2**32, got {seed}")
