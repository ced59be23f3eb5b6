"""Commands in the pages and configurations: what they name exists, and composes."""

import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from sotopia_env.command import refusal

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "packages/*/README.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)
CONFIGURATIONS = sorted(ROOT.glob("hydra_conf/**/*.yaml"))
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
OURS = re.compile(r"python3? -m (sotopia_\w+(?:\.\w+)*)(.*)")
SCRIPT = re.compile(r"(?:^|\s)((?:examples|benchmarks|scripts|\.ci)/[\w./-]+)")


def lines_of(path: Path) -> list[str]:
    """Single commands: of the bash blocks of a page, of the first comment of a configuration."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yaml":
        return re.findall(r"^# (python -m .*)$", text, re.MULTILINE)
    blocks = "".join(BLOCK.findall(text)).replace("\\\n", " ")
    return [part for line in blocks.splitlines() for part in line.split("&&")]


def commands_of(path: Path) -> list[tuple[str, list[str]]]:
    """Module and arguments of our own commands; what a reader is to fill in is filled in."""
    found = (OURS.search(re.sub(r"<[^<>]+>", "mine", line)) for line in lines_of(path))
    return [(m[1], shlex.split(m[2], comments=True)) for m in found if m is not None]


COMMANDS = [
    pytest.param(*command, id=f"{path.relative_to(ROOT)}: {' '.join([command[0], *command[1]])}")
    for path in (*PAGES, *CONFIGURATIONS)
    for command in commands_of(path)
]


@pytest.mark.parametrize(("module", "arguments"), COMMANDS)
def test_a_documented_command_composes(module: str, arguments: list[str]) -> None:
    package, _, stem = module.rpartition(".")
    assert refusal(package, stem, import_module(module).Settings, arguments) is None


def test_a_command_that_names_what_is_not_there_is_found_out() -> None:
    settings = import_module("sotopia_trainers.grpo").Settings
    for argument in ("+exp=verifiabel", "model=tyni", "grpo_max_steps=1", "credits=move"):
        assert refusal("sotopia_trainers", "grpo", settings, [argument]) is not None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_names_modules_and_scripts_that_exist(path: Path) -> None:
    for module, _ in OURS.findall(path.read_text(encoding="utf-8")):
        import_module(module)
    for line in lines_of(path):
        for script in SCRIPT.findall(line.partition("#")[0]):
            assert (ROOT / script).exists(), script


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_python_of_a_page_runs(path: Path) -> None:
    for block in PYTHON.findall(path.read_text(encoding="utf-8")):
        done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_every_experiment_is_named_by_a_command() -> None:
    named = {argument for parameters in COMMANDS for argument in parameters.values[1]}
    for path in ROOT.glob("hydra_conf/exp/*.yaml"):
        assert f"+exp={path.stem}" in named
