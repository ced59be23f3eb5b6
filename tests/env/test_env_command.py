"""The frame of all commands, through `simulate`: refusals leave no trace, crashes say so."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sales import sale

from sotopia_env.episode import Episode, Evaluation, SeatRecord
from sotopia_env.run_folder import Run, check_same, digests, write_atomically
from sotopia_env.simulate import _report
from sotopia_env.store import SqliteStore

TWO = "agents=[scripted:boulware,scripted:linear]"
SALES = "scenario=[price_negotiation]"
CRASHING = """
from dataclasses import dataclass
from sotopia_env.command import command

@dataclass
class Settings:
    scenario: list
    agents: list
    limit: int
    split: str
    both_seats: bool
    action_order: str
    max_turns: int | None
    visibility: str
    style: str
    concurrency: int
    tag: str
    seed: int
    fresh: bool

def main(settings, run):
    run.start()
    raise ZeroDivisionError("a bug of ours")

command("sotopia_env", "simulate", Settings, main)
"""


def simulate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sotopia_env.simulate", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
    )


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([SALES, "agents=[nope]"], "unknown agent 'nope'"),
        ([SALES, TWO, "seed=-1"], "seed must be a whole number from 0 below 2**32, got -1"),
        (["scenario=[sale]", TWO], "unknown scenario 'sale'"),
        (["scenario=[chess.json]", TWO], "unknown game family 'chess'"),
        (["scenario=[torn.json]", TWO], "price_negotiation: Value error, deadline must be"),
        (["scenario=[binary.json]", TWO], "cannot read scenario file binary.json"),
        (["-m", SALES, TWO, "limit=1,abc"], "setting limit: Value 'abc'"),
    ],
)
def test_a_refused_run_leaves_everything_as_it_was(
    tmp_path: Path, arguments: list[str], reason: str
) -> None:
    chess = sale().model_dump_json().replace('"price_negotiation"', '"chess"')
    (tmp_path / "chess.json").write_text(chess, encoding="utf-8")
    torn = sale().model_dump_json().replace('"deadline":6', '"deadline":0')
    (tmp_path / "torn.json").write_text(torn, encoding="utf-8")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    (tmp_path / "mine" / "runs").mkdir(parents=True)
    (tmp_path / "mine" / "multirun.yaml").touch()
    before = everything(tmp_path)
    for place in ([], ["hydra.run.dir=mine/runs"], ["hydra.run.dir=mine/runs/new"]):
        done = simulate(tmp_path, *arguments, *place)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert reason in done.stderr.replace("\n", " ")
        assert "Traceback" not in done.stderr
        assert everything(tmp_path) == before


def test_a_refused_sweep_leaves_nothing_and_a_finished_one_is_left_alone(tmp_path: Path) -> None:
    assert simulate(tmp_path, "-m", "seed=0,1", SALES, "agents=[nope]").returncode == 2
    assert everything(tmp_path) == []
    assert simulate(tmp_path, "-m", "seed=0,1", SALES, TWO, "limit=2").returncode == 0
    before = everything(tmp_path)
    assert simulate(tmp_path, SALES, "agents=[nope]").returncode == 2
    assert everything(tmp_path) == before


def test_a_refused_run_does_not_empty_the_folder_it_would_have_begun_afresh(tmp_path: Path) -> None:
    place = "hydra.run.dir=here"
    assert simulate(tmp_path, SALES, TWO, "limit=2", place).returncode == 0
    before = everything(tmp_path)
    assert simulate(tmp_path, SALES, "agents=[nope]", "fresh=true", place).returncode == 2
    assert everything(tmp_path) == before
    kept = (tmp_path / "here" / "summary.json").read_text(encoding="utf-8")
    assert simulate(tmp_path, SALES, TWO, "limit=3", "fresh=true", place).returncode == 0
    assert (tmp_path / "here" / "summary.json").read_text(encoding="utf-8") != kept


def test_a_folder_is_not_gone_on_with_under_other_settings(tmp_path: Path) -> None:
    place = "hydra.run.dir=here"
    assert simulate(tmp_path, SALES, TWO, "limit=2", place).returncode == 0
    kept = (tmp_path / "here" / "manifest.json").read_text(encoding="utf-8")
    for other in (["limit=3"], ["limit=2", "seed=1"]):
        done = simulate(tmp_path, SALES, TWO, *other, place)
        assert done.returncode == 2
        assert "here holds another run (" in done.stderr
        assert (tmp_path / "here" / "manifest.json").read_text(encoding="utf-8") == kept
    (tmp_path / "here" / "manifest.json").write_text("{", encoding="utf-8")
    assert "damaged; fresh=true" in simulate(tmp_path, SALES, TWO, "limit=2", place).stderr


def test_a_folder_without_a_manifest_is_no_run_whatever_lies_in_it(tmp_path: Path) -> None:
    arguments = (SALES, TWO, "limit=2", "hydra.run.dir=here")
    assert simulate(tmp_path, *arguments).returncode == 0
    (tmp_path / "here" / "manifest.json").unlink()
    before = everything(tmp_path)
    for more in ((), ("fresh=true",)):
        done = simulate(tmp_path, *arguments, *more)
        assert done.returncode == 2
        assert "no run of ours" in done.stderr
        assert everything(tmp_path) == before


def test_a_run_that_was_being_removed_is_removed_to_the_end(tmp_path: Path) -> None:
    arguments = (SALES, TWO, "limit=2", "hydra.run.dir=here")
    assert simulate(tmp_path, *arguments).returncode == 0
    folder = tmp_path / "here"
    (folder / "manifest.json").rename(folder / ".emptying")  # and then came the kill
    (folder / "rest").mkdir()
    (folder / "rest" / "of a run.txt").write_text("", encoding="utf-8")
    done = simulate(tmp_path, SALES, TWO, "limit=1", "hydra.run.dir=here")
    assert done.returncode == 0
    assert done.stdout.startswith("2 episodes, 0 failed")
    names = {path.name for path in folder.iterdir()}
    assert {"manifest.json", "summary.json"} <= names
    assert not {"rest", ".emptying"} & names


def test_emptying_takes_the_manifest_first_so_that_half_a_run_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(folder=tmp_path, command="test", seed=0, config_hash="0" * 8, config="")
    run.start()
    (tmp_path / "clone").mkdir()
    run.finish({}, "the table")

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    run.is_fresh = True
    with pytest.raises(KeyboardInterrupt):
        run.start()
    monkeypatch.undo()
    run.is_fresh = False
    check_same(run)
    assert not run.is_finished
    run.start()
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "manifest.json"}


def test_of_one_instance_that_chance_cannot_change_no_interval_is_given(tmp_path: Path) -> None:
    one = "scenario=[price_negotiation/test/7]"
    assert simulate(tmp_path, one, TWO, "limit=3", "hydra.run.dir=here").returncode == 0
    summary = json.loads((tmp_path / "here" / "summary.json").read_text(encoding="utf-8"))
    for figures in summary["agents"].values():
        for figure in figures.values():
            assert figure["low"] is None
            assert figure["n"] == 6


def test_a_run_that_goes_on_remembers_the_code_it_began_with(tmp_path: Path) -> None:
    arguments = (SALES, TWO, "limit=2", "hydra.run.dir=here")
    assert simulate(tmp_path, *arguments).returncode == 0
    file = tmp_path / "here" / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    (now,) = manifest["made_with"]
    earlier = {**now, "git_commit": "0" * 40}
    file.write_text(json.dumps({**manifest, "made_with": [earlier]}), encoding="utf-8")
    for _ in range(2):
        (tmp_path / "here" / "summary.json").unlink()
        assert simulate(tmp_path, *arguments).returncode == 0
        assert json.loads(file.read_text(encoding="utf-8"))["made_with"] == [earlier, now]


def test_a_finished_run_is_not_shown_for_a_scenario_that_has_changed_since(tmp_path: Path) -> None:
    place, file = "hydra.run.dir=here", tmp_path / "sale.json"
    file.write_text(sale().model_dump_json(), encoding="utf-8")
    arguments = ("scenario=sale.json", TWO, "limit=2", place)
    assert simulate(tmp_path, *arguments).returncode == 0
    assert "already complete: here" in simulate(tmp_path, *arguments).stdout
    file.write_text(sale().model_dump_json().replace("6", "8"), encoding="utf-8")
    done = simulate(tmp_path, *arguments)
    assert done.returncode == 2
    assert "here was begun with other contents of sale.json; fresh=true" in done.stderr
    assert simulate(tmp_path, *arguments, "fresh=true").returncode == 0


def test_what_settings_name_is_known_by_its_contents(tmp_path: Path) -> None:
    checkpoint = tmp_path / "policy"
    (checkpoint / "deep").mkdir(parents=True)
    (checkpoint / "deep" / "weights").write_bytes(b"one")
    spec, path = f"policy:{checkpoint}?temperature=0", str(checkpoint)
    settings = {"agents": ["scripted:linear", spec], "model": {"path": path}, "tag": path}
    first = digests(settings)
    assert set(first) == {spec, path}
    assert digests(settings) == first
    (checkpoint / "deep" / "weights").write_bytes(b"two")
    assert all(digest != first[name] for name, digest in digests(settings).items())
    assert digests({"path": "owner/name", "agents": ["policy:nowhere"]}) == {}


def test_a_run_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        done = simulate(tmp_path, SALES, TWO, f"hydra.run.dir={place}")
        assert done.returncode == 2
        assert "file is no folder" in done.stderr
    assert everything(tmp_path) == ["file"]


def test_what_is_not_scored_is_not_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(folder=tmp_path, command="test", seed=0, config_hash="0" * 8, config="")
    run.start()
    silent = sale().model_copy(update={"game": None})
    seats = {f"agent_{seat}": SeatRecord(name="Ada", agent="somebody") for seat in range(2)}
    talk = Episode(key="0", scenario=silent, seed=0, seats=seats, turns=(), outcome="left")
    scores = {"agent_0": {"share": 0.5}, "agent_1": {"share": 0.5}}
    deal = talk.model_copy(update={"evaluations": (Evaluation(source="outcome", scores=scores),)})
    assert _report([deal, deal, talk], run) == 3
    assert "3 episodes, 0 failed" in (said := capsys.readouterr().out)
    assert "1 episodes are not scored" in said
    assert not run.is_finished
    assert _report([deal, deal], run) == 0
    assert run.is_finished


def test_a_crash_is_no_mistake_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "crash.py").write_text(CRASHING, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "crash.py", SALES, TWO], cwd=tmp_path, capture_output=True, text=True
    )
    assert "a bug of ours" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("sent", "of_interrupts"),
    [
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_IGN),  # behind `&` in a script
    ],
)
def test_an_interrupt_ends_a_run_of_scripted_agents_at_once(
    tmp_path: Path, sent: signal.Signals, of_interrupts: Any
) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "sotopia_env.simulate", TWO, "limit=10000"]
    process = subprocess.Popen(
        [*command, f"hydra.run.dir={folder}"],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, of_interrupts),
    )
    assert episodes_in(folder, process) > 0
    process.send_signal(sent)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "interrupted; run the same command again to continue" in said
    assert not (folder / "summary.json").exists()


def episodes_in(folder: Path, process: subprocess.Popen[str]) -> int:
    """How many there are as soon as there are some."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
        if (folder / "episodes.sqlite-wal").exists():
            store = SqliteStore(folder / "episodes.sqlite")
            try:
                if found := len(store):
                    return found
            finally:
                store.close()
    return 0


def test_a_folder_is_of_one_process_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        done = simulate(tmp_path, TWO, "limit=2", f"hydra.run.dir={folder}")
    assert done.returncode == 2
    assert "is in use by process 4711; wait for it" in done.stderr
    assert everything(folder) == [".lock"]


def test_fresh_empties_no_folder_of_other_people(tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "to_my_aunt.txt").write_text("Dear aunt")
    done = simulate(tmp_path, TWO, "limit=2", "fresh=true", f"hydra.run.dir={folder}")
    assert done.returncode == 2
    assert "which is no run of ours; choose another folder" in done.stderr
    assert (folder / "to_my_aunt.txt").read_text() == "Dear aunt"


def test_a_text_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.json"
    path.write_text("old")

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"


def test_a_run_without_its_table_is_not_finished(tmp_path: Path) -> None:
    arguments = (TWO, "limit=2", f"hydra.run.dir={tmp_path / 'run'}")
    first = simulate(tmp_path, *arguments)
    (tmp_path / "run" / "table.txt").unlink()
    again = simulate(tmp_path, *arguments)
    assert (first.returncode, again.returncode) == (0, 0)
    assert "already complete" not in again.stdout
    assert "already complete" in simulate(tmp_path, *arguments).stdout


@pytest.mark.parametrize("swept", ["seed=range(0,2)", "seed=choice(0,1)", "seed=0,1"])
def test_sweeps_of_every_kind(tmp_path: Path, swept: str) -> None:
    done = simulate(tmp_path, "-m", swept, TWO, "limit=1")
    assert done.returncode == 0, done.stderr
    runs = tmp_path / "outputs" / "simulate"
    assert sorted(path.name[-2:] for path in runs.iterdir() if path.is_dir()) == ["s0", "s1"]


def test_a_sweep_with_a_wrong_value_names_it(tmp_path: Path) -> None:
    done = simulate(tmp_path, "-m", "seed=0,abc", TWO, "limit=1")
    assert done.returncode == 2
    assert "setting seed: Value 'abc'" in done.stderr
    assert "Traceback" not in done.stderr
    assert everything(tmp_path) == []


def test_of_one_instance_or_values_that_do_not_differ_only_the_mean_is_known(
    tmp_path: Path,
) -> None:
    firm = "agents=[scripted:hard_headed?level:50,scripted:linear]"
    for limit, name in (("limit=1", "one"), ("limit=3", "three")):
        done = simulate(tmp_path, SALES, firm, limit, f"hydra.run.dir={name}")
        assert done.returncode == 0, done.stderr
        figures = json.loads((tmp_path / name / "summary.json").read_text())["agents"]
        utility = figures["scripted:linear"]["outcome/utility"]
        assert (utility["value"], utility["low"], utility["high"]) == (0, None, None)
        agreement = figures["scripted:linear"]["outcome/agreement"]
        assert agreement["value"] == 0
        if name == "one":
            assert (agreement["low"], agreement["high"]) == (None, None)
        else:
            assert agreement["low"] == 0
            assert agreement["high"] > 0.5


def test_one_name_stands_for_a_list_of_one(tmp_path: Path) -> None:
    done = simulate(tmp_path, TWO, "scenario=price_negotiation/test/17", "limit=2")
    assert done.returncode == 0, done.stderr
    assert "outcome/share" in done.stdout  # over seeds, where the instance is one and the same
