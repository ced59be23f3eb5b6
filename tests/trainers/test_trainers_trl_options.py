"""Options of TRL: named as TRL names them, and refused before anything is played."""

import pytest

from sotopia_env.errors import ConfigurationError
from sotopia_trainers.trl_options import grpo_arguments, sft_arguments


def options(**changes):
    return {"per_device_train_batch_size": 4, "num_generations": 2, **changes}


@pytest.mark.parametrize(
    ("make", "kind", "name", "near"),
    [
        (grpo_arguments, "GRPOConfig", "num_generation", "num_generations"),
        (grpo_arguments, "GRPOConfig", "learning_rat", "learning_rate"),
        (sft_arguments, "SFTConfig", "num_train_epoch", "num_train_epochs"),
    ],
)
def test_an_option_trl_does_not_have_is_named_with_the_nearest(tmp_path, make, kind, name, near):
    with pytest.raises(ConfigurationError) as refused:
        make({name: 1}, tmp_path, seed=0)
    assert f"unknown option of {kind} {name!r}. Did you mean {near!r}?" in str(refused.value)


@pytest.mark.parametrize("name", ["output_dir", "shuffle_dataset", "remove_unused_columns"])
def test_an_option_that_is_ours_to_set_is_refused(tmp_path, name):
    with pytest.raises(ConfigurationError, match=f"unknown option of GRPOConfig '{name}'"):
        grpo_arguments({name: True}, tmp_path, seed=0)


@pytest.mark.parametrize(
    "changes", [{"lr_scheduler_type": "zigzag"}, {"num_generations": 3}, {"debug": "nothing"}]
)
def test_a_value_trl_refuses_is_a_mistake_of_the_configuration(tmp_path, changes):
    with pytest.raises(ConfigurationError, match="grpo: GRPOConfig refuses its options: "):
        grpo_arguments(options(**changes), tmp_path, seed=0)


@pytest.mark.parametrize(
    ("make", "changes", "problem"),
    [
        (grpo_arguments, {"max_steps": 2.5}, "grpo.max_steps must be a whole number, got 2.5"),
        (grpo_arguments, {"beta": "much"}, "grpo.beta must be a number, got 'much'"),
        (grpo_arguments, {"num_generations": True}, "must be a whole number or null, got True"),
        (sft_arguments, {"learning_rate": "fast"}, "bc.learning_rate must be a number, got 'fast'"),
        (sft_arguments, {"bf16": "maybe"}, "bc.bf16 must be true, false or null, got 'maybe'"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_although_trl_would_take_it(
    tmp_path, make, changes, problem
):
    with pytest.raises(ConfigurationError, match=problem):
        make(changes, tmp_path, seed=0)


def test_options_reach_trl_under_its_own_names(tmp_path):
    changes = options(loss_type="dr_grpo", beta=0.02, epsilon_high=0.28)
    found = grpo_arguments(changes, tmp_path, seed=0)
    assert (found.loss_type, found.beta, found.epsilon_high) == ("dr_grpo", 0.02, 0.28)
    assert (found.shuffle_dataset, found.report_to) == (False, [])


def test_the_seed_of_a_run_reaches_trl_and_its_own_defaults_stay(tmp_path):
    for make, changes in ((grpo_arguments, options()), (sft_arguments, {})):
        assert make(changes, tmp_path, seed=7).seed == 7
    assert sft_arguments({}, tmp_path, seed=7).max_steps == -1  # as many as the epochs take


ELSEWHERE = {
    "deepspeed": ("stage3.json", "a policy is trained by one process"),
    "accelerator_config": ("nope", "a policy is trained by one process"),
    "fsdp_config": ({"version": 2}, "a policy is trained by one process"),
    "ddp_timeout": (1, "a policy is trained by one process"),
    "report_to": (["wandb"], "figures go to metrics.jsonl and cloning.jsonl"),
    "run_name": ("mine", "figures go to metrics.jsonl and cloning.jsonl"),
    "push_to_hub": (True, "nothing leaves this machine"),
    "hub_model_id": ("owner/name", "nothing leaves this machine"),
    "save_strategy": ("no", "a checkpoint is written every save_steps steps"),
    "save_only_model": (True, "the same command, run again, goes on where it stopped"),
    "seed": (0, "everything in a run follows from its own seed; set seed=<number>"),
    "data_seed": (0, "everything in a run follows from its own seed; set seed=<number>"),
    "dataloader_persistent_workers": (True, "rows lie in memory and need no workers"),
    "model_init_kwargs": ({"nope": 1}, "the model is loaded as model says"),
}


@pytest.mark.parametrize(("make", "group"), [(grpo_arguments, "grpo"), (sft_arguments, "bc")])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_an_option_without_a_place_here_is_refused_with_what_there_is(tmp_path, make, group, name):
    value, instead = ELSEWHERE[name]
    with pytest.raises(ConfigurationError, match=f"{group}.{name} has no effect here: {instead}"):
        make({name: value}, tmp_path, seed=0)


def test_a_reference_that_moves_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="the reference stays the clone"):
        grpo_arguments(options(sync_ref_model=True), tmp_path, seed=0)


@pytest.mark.parametrize("make", [grpo_arguments, sft_arguments])
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        # bitsandbytes is an extra for Linux; the library of this one is none of our dependencies
        ({"optim": "galore_adamw"}, r"\.optim=galore_adamw cannot be used: You need to install"),
        ({"optim": "sgd", "optim_args": "momentum"}, r"\.optim=sgd cannot be used: "),
        ({"adam_beta1": 2.0}, r"\.optim=adamw_torch_fused cannot be used: Invalid beta parameter"),
        (
            {"lr_scheduler_kwargs": {"nope": 1}},
            r"\.lr_scheduler_type=linear cannot be used",
        ),
        ({"lr_scheduler_kwargs": "nope"}, r"lr_scheduler_kwargs must be a mapping or null"),
        ({"pad_to_multiple_of": 8.0}, r"pad_to_multiple_of must be a whole number, auto or null"),
        ({"gradient_checkpointing_kwargs": "nope"}, r"_kwargs must be a mapping or null"),
        ({"train_sampling_strategy": "nope"}, r"unknown \w+\.train_sampling_strategy 'nope'"),
        ({"log_level": "warnings"}, r"unknown \w+\.log_level 'warnings'. Did you mean 'warning'"),
        ({"loss_type": "nope"}, r"unknown \w+\.loss_type 'nope'"),
    ],
)
def test_what_trl_would_find_out_after_the_games_is_refused_before(
    tmp_path, make, changes, problem
):
    with pytest.raises(ConfigurationError, match=problem):
        make(changes, tmp_path, seed=0)


def test_activations_are_offloaded_from_a_gpu_only(tmp_path):
    changes = {"activation_offloading": True, "use_cpu": True, "bf16": False}
    with pytest.raises(ConfigurationError, match=r"bc\.activation_offloading needs a GPU"):
        sft_arguments(changes, tmp_path, seed=0)


def test_an_unknown_level_of_importance_sampling_is_refused(tmp_path):
    problem = "unknown grpo.importance_sampling_level 'tokens'. Did you mean 'token'"
    with pytest.raises(ConfigurationError, match=problem):
        grpo_arguments(options(importance_sampling_level="tokens"), tmp_path, seed=0)


@pytest.mark.parametrize("optim", ["adamw_torch", "adamw_torch_fused", "adafactor", "sgd"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant", "inverse_sqrt"])
def test_the_rehearsal_of_optimiser_and_schedule_keeps_what_works(tmp_path, optim, schedule):
    changes = {"optim": optim, "lr_scheduler_type": schedule, "warmup_steps": 20}
    assert sft_arguments(changes, tmp_path, seed=0).optim == optim


@pytest.mark.parametrize(
    ("make", "name", "value", "least"),
    [
        (grpo_arguments, "beta", -1.0, 0),
        (grpo_arguments, "epsilon", -0.2, 0),
        (grpo_arguments, "epsilon_high", -0.2, 0),
        (grpo_arguments, "max_steps", 0, 1),
        (sft_arguments, "max_steps", 0, 1),
        (sft_arguments, "max_steps", -5, 1),
        (sft_arguments, "save_total_limit", 0, 1),
        (sft_arguments, "neftune_noise_alpha", -1.0, 0),
        (grpo_arguments, "top_entropy_quantile", -1.0, 0),
    ],
)
def test_a_value_nobody_means_is_refused(tmp_path, make, name, value, least):
    with pytest.raises(ConfigurationError, match=f"{name} must be at least {least}, got {value}"):
        make({name: value}, tmp_path, seed=0)
