"""Every example runs and prints what it promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sotopia_trainers.policy import PolicyRecord
from sotopia_trainers.settings import TinySettings
from sotopia_trainers.tiny import build_tiny

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def run(name: str, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert list(cwd.iterdir()) == []
    return done.stdout


def test_no_example_is_left_out() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f'run("{path.name}"' in here


def test_who_concedes_more_slowly_gets_more(tmp_path: Path) -> None:
    slow, fast = map(float, re.findall(r"\d\.\d+", run("negotiate.py", cwd=tmp_path)))
    assert 0 < fast < slow
    assert slow + fast <= 1


def test_a_game_of_ones_own_keeps_the_laws_of_the_protocol(tmp_path: Path) -> None:
    said = run("own_game.py", cwd=tmp_path)
    assert said == "the rules hold; demands (5, 3) are worth (5, 3)\n"


def test_a_sampled_episode_is_played_and_printed(tmp_path: Path) -> None:
    said = run("minimal_demo.py", cwd=tmp_path)
    lines = re.findall(
        r"^[^(\n]+ \((speak|leave|non-verbal communication)\): .+", said, re.MULTILINE
    )
    assert len(lines) > 4
    assert said.rstrip().split("\n")[-1] == "Too few active agents"


def test_a_sampled_episode_can_be_played_by_two_agents(tmp_path: Path) -> None:
    said = run("minimal_demo.py", "scripted:talker", "scripted:talker", cwd=tmp_path)
    assert len(set(re.findall(r"^([^(\n]+) \(speak\): ", said, re.MULTILINE))) == 2


@pytest.fixture
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "babbler"
    folder.mkdir()
    shape = TinySettings(vocabulary=400, hidden_size=16, intermediate_size=16, layers=1, heads=1)
    record = PolicyRecord(style="brief", max_turn_tokens=8, stage="initial")
    build_tiny(["Shall we meet in the middle?"], shape, record, 0).save(folder)
    return folder


def test_a_checkpoint_plays_and_its_dialogue_is_printed(tmp_path: Path, policy: Path) -> None:
    said = run("play_policy.py", str(policy), cwd=tmp_path)
    (name, partner) = re.findall(r"^(\w+) \((?:policy|scripted):.*\): ", said, re.MULTILINE)
    lines = re.findall(rf"^({name}|{partner}): (?!share)", said, re.MULTILINE)
    assert lines[:4] == [name, partner, name, partner]
    assert "\nno agreement\n" in said
    assert f"{name}: share of the surplus 0.00" in said
