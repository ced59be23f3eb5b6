"""The command: what it writes, what it refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sotopia_tom.evaluate import BASELINES


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sotopia_tom.evaluate", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_writes_its_folder_and_shows_a_finished_run_again(tmp_path):
    first = run(tmp_path, "benchmark=tomi_style", "agent=symbolic", "limit=12")
    assert first.returncode == 0, first.stderr
    (folder,) = (tmp_path / "outputs" / "evaluate").iterdir()
    assert re.fullmatch(r"tomi_style-symbolic-[0-9a-f]{8}-s0", folder.name)
    tree = json.loads((folder / "summary.json").read_text())
    assert tree["accuracy"]["overall"]["value"] == 1
    assert tree["accuracy"]["overall"]["n"] == 72
    assert set(tree["baselines"]) == set(BASELINES)
    assert len((folder / "items.jsonl").read_text().splitlines()) == 72
    written = {path.name for path in folder.iterdir()} - {".lock"}
    assert written == {
        "config.yaml",
        "items.jsonl",
        "manifest.json",
        "summary.json",
        "table.txt",
    }
    stamp = (folder / "summary.json").stat().st_mtime_ns

    second = run(tmp_path, "benchmark=tomi_style", "agent=symbolic", "limit=12")
    assert second.returncode == 0
    table = (folder / "table.txt").read_text()
    shown = folder.relative_to(tmp_path)
    assert first.stdout == f"{table}\nwritten to {shown}\n"
    assert second.stdout == f"{table}\nalready complete: {shown} (fresh=true starts over)\n"
    assert (folder / "summary.json").stat().st_mtime_ns == stamp

    third = run(tmp_path, "benchmark=tomi_style", "agent=symbolic", "limit=12", "fresh=true")
    assert third.returncode == 0
    assert third.stdout == first.stdout


def test_an_agent_that_is_a_shortcut_itself_gets_one_column(tmp_path):
    result = run(tmp_path, "agent=reality", "limit=6", "hydra.run.dir=here")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("reality") == 2  # its column and the row of that question type
    assert (tmp_path / "here" / "summary.json").exists()


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("benchmark=nope", "tomi_style"),
        ("agent=nope", "first_container"),
        ("agent=null", "agent takes one name, got null"),
        ("agent=[symbolic,random]", "agent takes one name, got [symbolic,random]"),
        ("benchmark.name=tomi_styl", "Did you mean 'tomi_style'"),
        ("agent.name=nope", "symbolic"),
        ("benchmark.split=dev", "validation"),
        ("benchmark.storis=3", "Did you mean 'benchmark.stories'"),
        ("benchmark.stories=0", "stories >= 1"),
        ("limit=0", "at least 1"),
        ("seed=-1", "seed must be a whole number from 0"),
        ("limit=many", "limit"),
    ],
)
def test_a_mistake_is_answered_with_what_exists_and_leaves_nothing(tmp_path, argument, named):
    result = run(tmp_path, argument)
    assert result.returncode == 2
    assert named in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_importing_the_package_is_silent_and_needs_no_torch():
    unwanted = ("torch", "hydra", "rich")
    code = f"import sotopia_tom, sys; print([m for m in {unwanted} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("[]\n", "")
