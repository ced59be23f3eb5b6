"""`python -m sotopia_trainers.bc` as a person runs it: once, again, stopped, and told nonsense."""

import asyncio
import json
import re
import subprocess
import sys

import pytest
from tiny_players import ENVIRONMENT, SMALL_MODEL

from sotopia_env.runner import Cast, Task, run_episode
from sotopia_env.store import SqliteStore
from sotopia_trainers.policy import load_policy

SMOKE = ["+exp=smoke_bc", "evaluation.scenarios=2", *SMALL_MODEL]


def run(cwd, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "sotopia_trainers.bc", *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A whole small run: where it was started, its folder, and what it said."""
    cwd = tmp_path_factory.mktemp("run")
    done = run(cwd, *SMOKE, "demonstrations.games=120")
    assert done.returncode == 0, done.stderr
    (folder,) = (cwd / "outputs" / "bc").iterdir()
    return cwd, folder, done


def test_a_run_leaves_everything_in_one_folder_and_shows_its_table(finished):
    cwd, folder, done = finished
    assert re.fullmatch(r"smoke_bc-[0-9a-f]{8}-s0", folder.name)
    assert [path.name for path in cwd.iterdir()] == ["outputs"]
    expected = {"config.yaml", "manifest.json", "summary.json", "table.txt", "clone"}
    assert {*expected, "cloning.jsonl", "episodes.sqlite"} <= {p.name for p in folder.iterdir()}
    assert (folder / "table.txt").read_text() in done.stdout
    lines = done.stderr.splitlines()
    assert [line for line in lines if not re.match(r"[a-zA-Z ]+( \S+)?: \d+/\d+ ", line)] == []


def test_the_clone_is_evaluated_beside_its_demonstrators_as_the_episodes_say(finished):
    folder = finished[1]
    share = json.loads((folder / "summary.json").read_text())["share"]
    store = SqliteStore(folder / "episodes.sqlite")
    try:
        played = [episode for episode in store.episodes() if episode.tag == "clone"]
    finally:
        store.close()
    shares = [
        record.reward
        for episode in played
        for record in episode.seats.values()
        if record.agent == "learner"
        and "scripted:boulware" not in {other.agent for other in episode.seats.values()}
    ]
    assert share["clone"]["n"] == len(shares) == 2 * 2 * 3  # instances, seats, partners
    assert share["clone"]["value"] == pytest.approx(sum(shares) / len(shares))
    assert share["demonstrators"]["n"] == len(shares)  # one demonstrator
    assert share["solver"]["value"] >= share["best_scripted"]["value"]
    assert set(share["by_partner"]) == {"scripted:linear", "scripted:conceder", "scripted:patient"}
    table = (folder / "table.txt").read_text()
    for figure in (share["clone"], share["demonstrators"], share["solver"]):
        assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in table


def test_the_clone_is_an_agent(finished):
    folder = finished[1] / "clone"
    record = load_policy(str(folder)).record
    assert (record.stage, record.scenario) == ("clone", "price_negotiation")
    assert record.temperature == 0.8
    agents = (f"policy:{folder}", "scripted:linear")
    task = Task(scenario="price_negotiation/test/0", agents=agents, seed=0)
    episode = asyncio.run(run_episode(task, Cast(style="brief")))
    assert episode.status == "ok"
    assert any(turn.seat == "agent_0" for turn in episode.turns)


def test_a_run_that_was_stopped_keeps_its_clone_and_ends_with_the_same_table(finished):
    cwd, folder, done = finished
    made = (folder / "clone" / "complete.json").stat().st_mtime_ns
    for name in ("summary.json", "table.txt"):
        (folder / name).unlink()
    again = run(cwd, *SMOKE, "demonstrations.games=120")
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout
    assert (folder / "clone" / "complete.json").stat().st_mtime_ns == made
    shown = run(cwd, *SMOKE, "demonstrations.games=120")
    assert (folder / "table.txt").read_text() in shown.stdout
    assert "already complete" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["grpo.max_steps=1"], "unknown setting 'grpo.max_steps'"),
        (["model.skip_cloning=true"], "leaves nothing to do here"),
        (["temperature=0"], "temperature must be a number above 0, got 0"),
        (["demonstrations.games=0"], "demonstrations.games must be at least 1, got 0"),
        (["demonstrations.agents.price_negotiation=[]"], "names nobody for price_negotiation"),
    ],
)
def test_what_cannot_work_is_refused_in_words_and_leaves_no_folder(tmp_path, arguments, reason):
    done = run(tmp_path, *SMOKE, *arguments)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stderr.startswith("error: ")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
