"""`python -m sotopia_trainers.grpo` as a person runs it: once, again, killed, and told nonsense."""

import json
import re
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from omegaconf import OmegaConf
from tiny_players import ENVIRONMENT, SMALL_MODEL, chat_model, chat_tokenizer

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


def command(*arguments):
    return [sys.executable, "-m", "sotopia_trainers.grpo", *arguments]


def run(cwd, *arguments):
    return subprocess.run(
        command(*arguments), cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=200
    )


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


@pytest.fixture(scope="module")
def untalkative(tmp_path_factory, texts):
    """A model that is not made for conversations."""
    folder = tmp_path_factory.mktemp("models") / "plain"
    tokenizer = chat_tokenizer(texts, template=None)
    chat_model(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_path_that_is_no_checkpoint_is_refused_before_anything_of_it_is_read(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    with (model / "weights.bin").open("wb") as file:
        file.truncate(2**40)  # to read it would take a quarter of an hour
    done = run(tmp_path, "+exp=smoke", "model=full", f"model.path={model}")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert not (tmp_path / "outputs").exists()


REFUSED = {
    "an unknown group": (["model=huge"], "Could not find 'model/huge'"),
    "an unknown setting": (["grop.max_steps=1"], "unknown setting 'grop.max_steps'"),
    "an unknown partner": (
        ["partners=[scripted:boulwar]"],
        "unknown scripted agent 'boulwar'. Did you mean 'boulware'?",
    ),
    "a held-out partner of the pool": (
        ["held_out_partner=scripted:linear", "partners=[scripted:linear]"],
        "held_out_partner=scripted:linear is one of the partners of the training",
    ),
    "an unknown credit": (["credit=word"], "unknown credit 'word'"),
    "a batch that splits a group": (
        ["grpo.per_device_train_batch_size=3", "grpo.num_generations=8"],
        "groups of 8 games (grpo.num_generations=8); grpo.per_device_train_batch_size=4 would work",
    ),
    "words for a number": (
        ["grpo.max_steps=many"],
        "grpo.max_steps must be a whole number, got 'many'",
    ),
    "a fraction of a game": (
        ["grpo.num_generations=2.5"],
        "grpo.num_generations must be a whole number, got 2.5",
    ),
    "no heat to sample at": (
        ["grpo.temperature=0"],
        "grpo.temperature must be a number above 0, got 0",
    ),
    "an unknown style": (
        ["model.style=breif"],
        "unknown model.style 'breif'. Did you mean 'brief'? Known: brief, chat.",
    ),
    "groups of one": (["grpo.num_generations=1"], "grpo.num_generations must be at least 2"),
    "an instance for a family": (
        ["scenarios=[price_negotiation/train/1]"],
        "training needs a family",
    ),
    "a model that is nowhere": (
        ["model=full", "model.path=./nowhere"],
        "./nowhere is no checkpoint: there is no such folder",
    ),
    "a model from scratch that is somewhere": (["model.path=no/such"], "takes no model.path"),
    "heads that do not fit": (
        ["model.tiny.hidden_size=48", "model.tiny.heads=5"],
        "model.tiny.hidden_size=48 cannot be divided into 5 heads of an even size; 50 would work",
    ),
    "a shape for what has its own": (
        ["model=lora", "model.tiny.layers=1"],
        "model.tiny.layers is no setting of what else was chosen; leave it out",
    ),
    "no layers": (["model.tiny.layers=0"], "model.tiny.layers must be at least 1, got 0"),
    "no level to keep to": (["evaluation.constants=[nan]"], "must be from -100 to 100, got nan"),
    "nobody to compare with": (["evaluation.constants=[]"], "evaluation.constants must be at"),
    "no such split": (["evaluation.split=dev"], "unknown evaluation.split 'dev'"),
    "nothing held out": (["evaluation.split=train"], "'train'. Known: test, validation."),
    "a family named twice": (
        ["scenarios=[price_negotiation,price_negotiation]"],
        "scenarios names one twice: price_negotiation, price_negotiation",
    ),
    "a partner named twice": (
        ["partners=[scripted:linear,scripted:linear]"],
        "partners names one twice",
    ),
    "an unknown reference": (["evaluation.references=[nobody]"], "unknown agent 'nobody'"),
    "less than no dialogues": (["evaluation.dialogues=-1"], "evaluation.dialogues must be at"),
    "a seed below 0": (["seed=-1"], "seed must be a whole number from 0 below 2**32, got -1"),
    "a way to sample that is not ours": (
        ["grpo.top_k=5"],
        "grpo.top_k has no effect here: games are sampled at grpo.temperature",
    ),
    "another sampler": (["grpo.use_vllm=true"], "games are sampled from the policy itself"),
    "another evaluation": (["bc.eval_strategy=steps"], "bc.eval_strategy has no effect here"),
    "rows without bounds": (["bc.packing=true"], "rows are cloned as they were played"),
    "a batch of nothing": (
        ["bc.per_device_train_batch_size=0"],
        "bc.per_device_train_batch_size must be at least 1, got 0",
    ),
    "learning backwards": (["grpo.learning_rate=-1"], "grpo.learning_rate must be at least 0"),
    "cloning for no time": (["bc.num_train_epochs=0"], "bc.num_train_epochs must be above 0"),
    "a weight that is no number": (["grpo.beta=nan"], "grpo.beta must be a finite number, got nan"),
    "no words": (["model.tiny.vocabulary=1"], "model.tiny.vocabulary must be at least 512, got 1"),
    "games that wait": (["grpo.steps_per_generation=2"], "as many games are played at once as"),
    "steps without a line": (["grpo.logging_steps=50"], "unknown option of GRPOConfig"),
    "a checkpoint amid the uses of a batch": (
        ["grpo.num_iterations=2", "grpo.save_steps=5"],
        "grpo.save_steps=6 would work",
    ),
    "adapters for no model": (["model=lora"], "model.path"),
    "nothing to evaluate on": (["evaluation.scenarios=0"], "evaluation.scenarios must be at least"),
}


def assert_refused(tmp_path, arguments, reason):
    done = run(tmp_path, "+exp=smoke", *arguments)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert reason in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("arguments", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused_in_words_and_leaves_no_folder(tmp_path, arguments, reason):
    assert_refused(tmp_path, arguments, reason)


def test_an_option_trl_does_not_have_is_refused_before_anything_is_written(tmp_path):
    reason = "unknown option of GRPOConfig 'learning_rat'. Did you mean 'learning_rate'?"
    assert_refused(tmp_path, ["grpo.learning_rat=1"], reason)


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("grpo.loss_type=gpro", "unknown grpo.loss_type 'gpro'. Did you mean 'grpo'?"),
        ("grpo.scale_rewards=batches", "unknown grpo.scale_rewards 'batches'."),
    ],
)
def test_a_choice_trl_does_not_know_is_refused_before_anything_is_written(
    tmp_path, argument, reason
):
    assert_refused(tmp_path, [argument], reason)


def test_an_optimiser_whose_library_is_missing_is_refused_before_anything_is_written(tmp_path):
    reason = "bc.optim=galore_adamw cannot be used: You need to install `galore_torch`"
    assert_refused(tmp_path, ["bc.optim=galore_adamw"], reason)


def test_the_run_has_one_seed(tmp_path):
    reason = "grpo.seed has no effect here: everything in a run follows from its own seed"
    assert_refused(tmp_path, ["grpo.seed=5"], reason)


def test_an_option_our_configuration_does_not_list_needs_no_plus(tmp_path):
    shown = run(tmp_path, "--cfg", "job", "grpo.delta=5", "+grpo.epsilon=0.1", "grpo.beta=0")
    assert shown.returncode == 0, shown.stderr
    assert {"  delta: 5", "  epsilon: 0.1", "  beta: 0"} <= set(shown.stdout.splitlines())


def test_invalid_moves_cannot_be_paid_for(tmp_path):
    assert_refused(tmp_path, ["invalid_move_cost=-1"], "invalid_move_cost must be at least 0")


def test_an_interval_from_one_scenario_is_refused(tmp_path):
    assert_refused(tmp_path, ["evaluation.scenarios=1"], "evaluation.scenarios must be at least 2")


def test_a_model_without_a_chat_template_is_refused(tmp_path, untalkative):
    arguments = ["model=full", f"model.path={untalkative}"]
    assert_refused(tmp_path, arguments, "has no chat template")


def test_a_path_that_might_be_a_hub_id_is_refused_before_anything_is_written(tmp_path):
    arguments = ["model=full", "model.path=no/such"]
    assert_refused(tmp_path, arguments, "no/such: it is neither a folder here nor a hub id")


def test_a_template_that_rewrites_history_is_refused_before_anything_is_written(
    tmp_path, chatml_folder, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("models") / "rewriting"
    shutil.copytree(chatml_folder, folder)
    (folder / "chat_template.jinja").write_text("{{ messages[-1]['content'] }}")
    assert_refused(tmp_path, ["model=full", f"model.path={folder}"], "rewrites")


def test_a_game_in_which_nothing_is_to_be_gained_is_refused(tmp_path):
    arguments = ["scenarios=['price_negotiation?difficulty:impossible']"]
    assert_refused(tmp_path, arguments, "there is no surplus to have a share of")


def test_a_folder_without_weights_is_refused(tmp_path, chatml_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "empty"
    shutil.copytree(chatml_folder, folder)
    (folder / "model.safetensors").unlink()
    arguments = ["model=full", f"model.path={folder}"]
    assert_refused(tmp_path, arguments, "it has no model.safetensors")


def test_weights_cut_short_are_refused_before_anything_is_played(
    tmp_path, chatml_folder, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("models") / "short"
    shutil.copytree(chatml_folder, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    arguments = ["model=lora", f"model.path={folder}"]
    assert_refused(tmp_path, arguments, "model.safetensors is damaged")
