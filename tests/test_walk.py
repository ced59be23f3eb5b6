"""The whole path by the commands a person types, on a CPU, with the network cut off."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sotopia_env.episode import Episode
from sotopia_env.store import SqliteStore

STEPS = 3
CUT_OFF = """
import sys

def refuse(event, arguments):
    if event == "socket.getaddrinfo" or (event == "socket.connect" and arguments[0].family != 1):
        raise OSError(f"no network here: {event} {arguments[1:]}")

sys.addaudithook(refuse)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands are typed."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One in which Python reaches no other machine."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(CUT_OFF, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}


def run(
    home: Path, environment: dict[str, str], module: str, *arguments: str
) -> tuple[Path, dict[str, object]]:
    """Type a command; its folder and summary."""
    outputs = home / "outputs" / module.rpartition(".")[2]
    before = set(outputs.glob("*"))
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = set(outputs.glob("*")) - before
    assert f"written to {folder.relative_to(home)}" in done.stdout
    return folder, json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def trained(home: Path, environment: dict[str, str]) -> Path:
    return run(home, environment, "sotopia_trainers.grpo", "+exp=smoke")[0]


def episodes_of(folder: Path) -> list[Episode]:
    store = SqliteStore(folder / "episodes.sqlite")
    try:
        return list(store.episodes())
    finally:
        store.close()


def scored(folder: Path) -> list[tuple[str, ...]]:
    """Who sat where, of every episode that has a score."""
    return sorted(
        tuple(record.agent for record in episode.seats.values())
        for episode in episodes_of(folder)
        if "outcome/share" in episode.scores("agent_0")
    )


def test_the_network_is_cut_off(environment: dict[str, str]) -> None:
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert "no network here" in done.stderr


def test_scripted_agents_play_into_a_store(home: Path, environment: dict[str, str]) -> None:
    agents = ("scripted:boulware", "scripted:tit_for_tat")
    folder, summary = run(
        home, environment, "sotopia_env.simulate", f"agents=[{','.join(agents)}]", "limit=3"
    )
    assert scored(folder) == sorted([agents, agents[::-1]] * 3)
    assert summary["episodes"] == 6


def test_a_policy_is_cloned_trained_evaluated_and_reported(trained: Path) -> None:
    assert (trained / "report.html").read_text().startswith("<!doctype html>")
    assert json.loads((trained / "summary.json").read_text())["share"]["gain"]["n"] > 0
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    assert {episode.tag for episode in episodes_of(trained)} == {"demonstration", "clone", "grpo"}


def test_what_was_trained_is_an_agent(
    home: Path, environment: dict[str, str], trained: Path
) -> None:
    agents = (f"policy:{(trained / 'policy').relative_to(home)}", "scripted:patient")
    folder, _ = run(
        home, environment, "sotopia_env.simulate", f"agents=[{','.join(agents)}]", "limit=2"
    )
    assert scored(folder) == sorted([agents, agents[::-1]] * 2)


def test_theory_of_mind_is_measured(home: Path, environment: dict[str, str]) -> None:
    _, summary = run(
        home, environment, "sotopia_tom.evaluate", "benchmark=tomi_style", "agent=symbolic",
        "limit=6",
    )  # fmt: skip
    accuracy = summary["accuracy"]
    assert isinstance(accuracy, dict)
    assert accuracy["overall"]["value"] == 1
