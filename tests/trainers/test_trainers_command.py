"""`python -m sotopia_trainers.grpo` as a person runs it: once, again, and killed."""

import json
import re
import signal
import subprocess

import pytest
import torch
from omegaconf import OmegaConf
from tiny_players import ENVIRONMENT, SMALL_MODEL
from tiny_players import grpo_command as command
from tiny_players import run_grpo as run

from sotopia_env.store import SqliteStore
from sotopia_trainers.policy import load_policy

STEPS = 3
SMOKE = [
    "+exp=smoke",
    "demonstrations.games=120",
    "evaluation.scenarios=3",
    *SMALL_MODEL,
    f"grpo.max_steps={STEPS}",
    "grpo.warmup_steps=0",
]
"""The smallest run whose policy makes offers, so that there is something to learn from."""
COUNTED = ("agreement", "invalid_moves", "words", "known_sentences", "distinct_2")


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


def steps_of(folder):
    """The lines of the metrics without how long a step took."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "step_time"} for line in lines]


def table_of(folder):
    """The final table without the line that names the folder."""
    lines = (folder / "table.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("report: ")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A whole small run: where it was started, its folder, and what it said."""
    cwd = tmp_path_factory.mktemp("run")
    done = run(cwd, *SMOKE)
    assert done.returncode == 0, done.stderr
    (folder,) = (cwd / "outputs" / "grpo").iterdir()
    return cwd, folder, done


# -- one run -----------------------------------------------------------------------------------


def test_a_run_leaves_everything_in_one_folder_named_after_it(finished):
    cwd, folder, _ = finished
    assert re.fullmatch(r"smoke-[0-9a-f]{8}-s0", folder.name)
    assert [path.name for path in cwd.iterdir()] == ["outputs"]
    expected = {"config.yaml", "manifest.json", "summary.json", "table.txt", "report.html"}
    expected |= {"metrics.jsonl", "cloning.jsonl", "episodes.sqlite"}
    assert expected <= {path.name for path in folder.iterdir()}


def test_a_run_says_how_far_it_is_and_nothing_of_other_peoples_libraries(finished):
    _, folder, done = finished
    assert "\n".join(table_of(folder)) in done.stdout
    lines = done.stderr.splitlines()
    assert [line for line in lines if not re.match(r"[a-zA-Z ]+( \S+)?: \d+/\d+ ", line)] == []
    assert any(line.startswith(f"GRPO: {STEPS}/{STEPS} reward ") for line in lines)


def test_each_step_is_logged_once_and_learned_from(finished):
    steps = steps_of(finished[1])
    assert [line["step"] for line in steps] == list(range(1, STEPS + 1))
    assert all(line["grad_norm"] > 0 for line in steps)
    assert all(line["invalid_moves_per_game"] >= 0 for line in steps)
    assert all(line["unscored_games"] == 0 for line in steps)


def figures(value, path=()):
    """All figures of a summary, by path."""
    if "value" in value:
        return {path: value}
    found = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            found |= figures(inner, (*path, key))
    return found


def test_the_summary_holds_every_figure_with_its_interval(finished):
    summary = json.loads((finished[1] / "summary.json").read_text())
    found = figures(summary)
    for key in (
        *(("share", name) for name in ("clone", "grpo", "gain", "demonstrators", "solver")),
        *(("share", name) for name in ("best_scripted", "best_constant", "over_best_constant")),
        ("share", "by_partner", "scripted:linear", "gain"),
        ("share", "by_seat", "agent_0", "grpo"),
        ("share", "by_seat", "agent_1", "clone"),
        *((name, "share", kind) for name in ("held_out",) for kind in ("clone", "grpo", "gain")),
        ("held_out", "win_rate", "gain"),
        *((name, kind) for name in COUNTED for kind in ("clone", "grpo")),
        ("distinct_2", "demonstrators"),
    ):
        assert key in found
    for figure in found.values():
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert isinstance(figure["n"], int)
        assert figure["n"] > 0
    assert summary["share"]["best_constant"]["agent"].startswith("scripted:hard_headed")
    gain = summary["share"]["grpo"]["value"] - summary["share"]["clone"]["value"]
    assert summary["share"]["gain"]["value"] == pytest.approx(gain)


def test_the_table_shows_the_figures_of_the_summary(finished):
    summary = json.loads((finished[1] / "summary.json").read_text())
    table = (finished[1] / "table.txt").read_text()
    for key, figure in figures(summary).items():
        if "by_seat" not in key and key[-1] != "gain":
            assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in table


def test_the_summary_agrees_with_the_stored_episodes(finished):
    """The figures again, from the records alone."""
    folder = finished[1]
    held_out = json.loads((folder / "summary.json").read_text())["held_out"]["partner"]
    store = SqliteStore(folder / "episodes.sqlite")
    try:
        episodes = list(store.episodes())
    finally:
        store.close()
    for tag, name in (("clone", "clone"), ("grpo", "grpo")):
        shares = [
            record.reward
            for episode in episodes
            if episode.tag == tag
            for record in episode.seats.values()
            if record.agent == "learner"
            and held_out not in {other.agent for other in episode.seats.values()}
        ]
        summary = json.loads((folder / "summary.json").read_text())["share"][name]
        assert summary["n"] == len(shares)
        assert summary["value"] == pytest.approx(sum(shares) / len(shares))


@pytest.mark.parametrize(
    ("tag", "own", "other"), [("clone", "clone", "policy"), ("grpo", "policy", "clone")]
)
def test_the_games_before_and_after_were_played_by_the_clone_and_by_the_policy(
    finished, tag, own, other
):
    """Whose probabilities the recorded ones are."""
    folder = finished[1]
    store = SqliteStore(folder / "episodes.sqlite")
    try:
        seats = [
            record
            for episode in store.episodes()
            if episode.tag == tag
            for record in episode.seats.values()
            if record.agent == "learner"
        ]
    finally:
        store.close()
    assert seats

    def distance(name):
        policy = load_policy(str(folder / name))
        return max(
            abs(again - recorded)
            for record in seats
            for again, recorded in zip(*probabilities(policy, record), strict=True)
        )

    assert distance(own) < 1e-3 < distance(other)


def probabilities(policy, record):
    """Log-probabilities of a seat's own tokens, by a policy and as they were recorded."""
    ids = torch.tensor([record.context.token_ids])
    with torch.no_grad():
        logits = policy.model.eval()(ids).logits[0]
    found = (logits / policy.record.temperature).log_softmax(dim=-1)
    again, recorded = [], []
    for decision in record.decisions:
        start, end = decision.token_span
        again += [float(found[at - 1, ids[0, at]]) for at in range(start, end)]
        recorded += decision.logprobs
    return again, recorded


def test_the_clone_learns_from_the_demonstrators_alone(finished):
    """One row a game: nobody but one of the two seats."""
    lines = (finished[1] / "cloning.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    batch = OmegaConf.load(finished[1] / "config.yaml").bc.per_device_train_batch_size
    rows = last["step"] / last["epoch"] * batch
    assert rows == pytest.approx(120, rel=0.1)


def test_the_report_is_one_page_that_needs_nothing_else(finished):
    page = (finished[1] / "report.html").read_text()
    assert page.count('<img alt="') == page.count('src="data:image/png;base64,') == 2
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    assert "before" in page
    assert page.count("<section class='match'>") == 1  # evaluation.dialogues


def test_the_policy_that_was_trained_can_be_loaded_and_says_where_it_comes_from(finished):
    policy = load_policy(str(finished[1] / "policy"))
    assert policy.record.stage == "grpo"
    assert policy.record.scenario == "price_negotiation"
    for number in range(151):
        assert len(policy.tokenizer.encode(f" {number}", add_special_tokens=False)) == 1


def test_the_same_command_again_shows_the_finished_table(finished):
    cwd, folder, _ = finished
    before = files_of(folder)
    again = run(cwd, *SMOKE)
    assert again.returncode == 0
    assert (folder / "table.txt").read_text() in again.stdout
    assert "already complete" in again.stdout
    assert files_of(folder) == before


def test_a_killed_run_goes_on_and_ends_with_the_same_result(finished, tmp_path):
    arguments = [*SMOKE, f"hydra.run.dir={tmp_path / 'killed'}"]
    folder = tmp_path / "killed"
    first = folder / "checkpoints" / "checkpoint-1" / "complete.json"
    process = subprocess.Popen(
        command(*arguments),
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not first.exists():
        try:
            process.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"the run ended with {process.returncode} before it was killed")
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "summary.json").exists()
    again = run(tmp_path, *arguments)
    assert again.returncode == 0, again.stderr
    assert [line["step"] for line in steps_of(folder)] == list(range(1, STEPS + 1))
    assert steps_of(folder) == steps_of(finished[1])
    assert table_of(folder) == table_of(finished[1])


def test_a_chat_model_with_adapters_goes_through_the_same_stages(tmp_path, chatml_folder):
    folder = tmp_path / "lora"
    done = run(
        tmp_path,
        "+exp=smoke",
        "model=lora",
        f"model.path={chatml_folder}",
        "model.dtype=float32",
        "model.max_turn_tokens=12",
        "model.lora.r=4",
        "demonstrations.games=12",
        "evaluation.scenarios=2",
        "bc.per_device_train_batch_size=8",
        "grpo.max_steps=2",
        "grpo.per_device_train_batch_size=8",
        f"hydra.run.dir={folder}",
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["agreement"]["grpo"]["value"] == 0  # random words agree on nothing,
    assert summary["share"]["grpo"]["value"] == 0  # and so earn nothing
    assert "no agreement" in (folder / "report.html").read_text()
    assert [line["step"] for line in steps_of(folder)] == [1, 2]
    assert (folder / "policy" / "adapter_model.safetensors").exists()
    assert load_policy(str(folder / "policy"), merge=True).record.max_turn_tokens == 12


# -- what cannot work --------------------------------------------------------------------------
