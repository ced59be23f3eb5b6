"""A person plays at the terminal: `python -m sotopia_env.play`."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sotopia_env.store import SqliteStore

PLAY = [sys.executable, "-m", "sotopia_env.play"]


def play(folder: Path, typed: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PLAY, *arguments], cwd=folder, input=typed, capture_output=True, text=True, timeout=120
    )


def kept(folder: Path) -> list[object]:
    (path,) = folder.glob("outputs/play/*/episodes.sqlite")
    with SqliteStore(path) as store:
        return list(store.episodes())


def test_a_game_is_played_to_agreement_scored_and_kept(tmp_path: Path) -> None:
    done = play(
        tmp_path, "OFFER 999\nOFFER 45\n" + "ACCEPT\n" * 4, "scenario=price_negotiation/test/3"
    )
    assert done.returncode == 0, done.stderr
    assert "You are agent_0 in price_negotiation/test/3." in done.stdout
    assert "Your last move does not count: 999 is outside 1 to 75." in done.stdout
    assert "It is over: agreement." in done.stdout
    assert "outcome/share" in done.stdout
    (episode,) = kept(tmp_path)
    assert episode.seats["agent_0"].agent == "human"  # type: ignore[attr-defined]
    assert episode.tag == "play"  # type: ignore[attr-defined]


def test_every_start_is_another_play_and_earlier_ones_are_kept(tmp_path: Path) -> None:
    for _ in range(2):
        assert play(tmp_path, "/leave\n", "seat=1").returncode == 0
    first, second = kept(tmp_path)
    assert first.scenario.scenario_id != second.scenario.scenario_id  # type: ignore[attr-defined]


def test_any_shipped_scenario_can_be_played_with_nobody_s_secrets_told(tmp_path: Path) -> None:
    done = play(tmp_path, "Hello.\n/leave\n", "scenario=borrow_money", "seat=1")
    assert done.returncode == 0, done.stderr
    (episode,) = kept(tmp_path)
    seats = episode.seats  # type: ignore[attr-defined]
    assert seats["agent_1"].profile.secret in done.stdout
    assert seats["agent_0"].profile.secret not in done.stdout
    assert "It is over: Too few active agents." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["scenario=chess"], "unknown scenario 'chess'"),
        (["seat=5"], "seat must lie in 0..1, got 5"),
        (["partner=[scripted:linear,scripted:linear]"], "has 1 other seats, partner= names 2"),
        (["partner=[nobody]"], "unknown agent 'nobody'"),
        (["visibility=all"], "unknown visibility 'all'"),
        (["max_turns=0"], "max_turns must be a whole number from 1, got 0"),
    ],
)
def test_what_cannot_work_is_refused_and_leaves_nothing(
    arguments: list[str], complaint: str, tmp_path: Path
) -> None:
    done = play(tmp_path, "", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_at_the_prompt_ends_at_once_with_130(tmp_path: Path) -> None:
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        PLAY,
        cwd=tmp_path,
        stdin=other_end,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("  /help"):
                break
        time.sleep(0.5)  # until it reads
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
    finally:
        process.kill()
        process.communicate()
        os.close(terminal)
        os.close(other_end)
