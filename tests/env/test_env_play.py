"""A person plays at the terminal: `python -m sotopia_env.play`."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sotopia_env import Episode
from sotopia_env.store import SqliteStore

PLAY = [sys.executable, "-m", "sotopia_env.play"]


def play(folder: Path, typed: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PLAY, *arguments], cwd=folder, input=typed, capture_output=True, text=True, timeout=120
    )


def kept(folder: Path) -> list[Episode]:
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
    assert episode.seats["agent_0"].agent == "human"
    assert episode.tag == "play"


def test_every_start_is_another_play_and_earlier_ones_are_kept(tmp_path: Path) -> None:
    for _ in range(2):
        assert play(tmp_path, "/leave\n", "seat=1").returncode == 0
    first, second = kept(tmp_path)
    assert first.scenario.scenario_id != second.scenario.scenario_id


def test_any_shipped_scenario_can_be_played_with_nobody_s_secrets_told(tmp_path: Path) -> None:
    done = play(tmp_path, "Hello.\n/leave\n", "scenario=borrow_money", "seat=1")
    assert done.returncode == 0, done.stderr
    (episode,) = kept(tmp_path)
    seats = episode.seats
    assert seats["agent_1"].profile.secret in done.stdout
    assert seats["agent_0"].profile.secret not in done.stdout
    assert "It is over: Too few active agents." in done.stdout


def lines_of(episode: Episode) -> list[tuple[str, str]]:
    return [(turn.seat, turn.argument) for turn in episode.turns]


def test_two_people_share_a_terminal_and_each_is_given_the_next_line(tmp_path: Path) -> None:
    done = play(
        tmp_path, "OFFER 45\nACCEPT\n", "scenario=price_negotiation/test/3", "partner=[human]"
    )
    assert done.returncode == 0, done.stderr
    (episode,) = kept(tmp_path)
    assert lines_of(episode) == [("agent_0", "OFFER 45"), ("agent_1", "ACCEPT")]
    names = [record.name for record in episode.seats.values()]
    assert done.stdout.index(f"{names[0]}> ") < done.stdout.index(f"{names[1]}> ")


def test_two_people_who_act_at_once_are_asked_one_after_the_other(tmp_path: Path) -> None:
    done = play(
        tmp_path,
        "Hello.\n/help\nGoodbye.\n/leave\n/leave\n",
        "scenario=borrow_money",
        "partner=[human]",
        "action_order=simultaneous",
    )
    assert done.returncode == 0, done.stderr
    (episode,) = kept(tmp_path)
    assert lines_of(episode)[:2] == [("agent_0", "Hello."), ("agent_1", "Goodbye.")]
    asked = re.findall(r"^([A-Z]\w+ \w+)> ", done.stdout, re.MULTILINE)
    one, other = (record.name for record in episode.seats.values())
    assert asked == [one, other, other, one, other]


def test_lines_that_one_episode_does_not_need_are_there_for_the_next(tmp_path: Path) -> None:
    program = """
import asyncio
from sotopia_env import run_episodes
from sotopia_env.runner import Task
for seed in (0, 1):
    task = Task(scenario="borrow_money", agents=("human", "human"), seed=seed,
                action_order="simultaneous", max_turns=1)
    (episode,) = asyncio.run(run_episodes([task]))
    print("SAID", [turn.argument for turn in episode.turns])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        input="One.\nTwo.\nThree.\nFour.",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if "SAID" in line]
    assert [line.partition("SAID ")[2] for line in said] == [
        "['One.', 'Two.']",
        "['Three.', 'Four.']",
    ]


def test_without_standard_input_nobody_can_play(tmp_path: Path) -> None:
    done = subprocess.run(
        PLAY,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: os.close(0),
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: 'human' plays at the terminal, and standard input is")
    assert list(tmp_path.iterdir()) == []


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
        _, said = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "interrupted; run the same command again to play from the beginning" in said
    finally:
        process.kill()
        process.communicate()
        os.close(terminal)
        os.close(other_end)
