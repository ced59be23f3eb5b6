"""`python -m sotopia_trainers.grpo` told nonsense: refused in words, before anything is written."""

import shutil

import pytest
from tiny_players import chat_model, chat_tokenizer
from tiny_players import run_grpo as run


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
