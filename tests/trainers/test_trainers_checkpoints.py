"""Killed runs: only whole checkpoints are trusted, and the end is as if nothing had happened."""

import copy
import dataclasses
import json
import logging
import math
import shutil

import pytest
import torch
from tiny_players import games, play, seat_of

from sotopia_trainers.checkpoints import COMPLETE, is_complete, newest_complete, seal
from sotopia_trainers.data import cloned_rows
from sotopia_trainers.errors import TrainingError
from sotopia_trainers.policy import load_policy, with_lora
from sotopia_trainers.rollout import Row, row_of
from sotopia_trainers.sampling import TransformersSampler
from sotopia_trainers.settings import LoraSettings
from sotopia_trainers.trl_bridge import train_grpo, train_sft

# -- what is complete --------------------------------------------------------------------------


@pytest.fixture
def checkpoints(talker, tmp_path):
    """Three sealed checkpoints."""
    folder = tmp_path / "checkpoints"
    for step in (9, 10, 11):  # sorted by number, not by name
        talker.save(folder / f"checkpoint-{step}")
        (folder / f"checkpoint-{step}" / "optimizer.pt").write_bytes(b"state" * 100)
        seal(folder / f"checkpoint-{step}")
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def without(name):
    return lambda folder: (folder / name).unlink()


def cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def flip(name):
    def change(folder):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return change


def rewrite(text):
    return lambda folder: (folder / COMPLETE).write_text(text)


DAMAGES = {
    "no manifest": without(COMPLETE),
    "no optimizer state": without("optimizer.pt"),
    "no weights": without("model.safetensors"),
    "weights cut short": cut,
    "one bit of the weights": flip("model.safetensors"),
    "one bit of the optimizer state": flip("optimizer.pt"),
    "a manifest cut short": rewrite('{"model.safetensors": {'),
    "a manifest of another shape": rewrite('["model.safetensors"]'),
    "a manifest without hashes": rewrite('{"model.safetensors": {"size": 1}}'),
    "a manifest of numbers": rewrite('{"model.safetensors": 1}'),
}


def test_a_sealed_folder_is_complete(checkpoints):
    assert is_complete(checkpoints / "checkpoint-11")
    assert not is_complete(checkpoints)
    assert not is_complete(checkpoints / "checkpoint-12")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_removed_by_name_and_the_one_before_it_taken(
    checkpoints, damage, caplog
):
    damage(checkpoints / "checkpoint-11")
    with caplog.at_level(logging.WARNING, "sotopia_trainers"):
        assert newest_complete(checkpoints) == checkpoints / "checkpoint-10"
    assert names(checkpoints) == ["checkpoint-10", "checkpoint-9"]
    assert [record.getMessage().split()[0] for record in caplog.records] == [
        str(checkpoints / "checkpoint-11")
    ]


def test_the_newest_is_taken_by_number_and_nothing_older_is_touched(checkpoints, caplog):
    without(COMPLETE)(checkpoints / "checkpoint-9")
    assert newest_complete(checkpoints) == checkpoints / "checkpoint-11"
    assert names(checkpoints) == ["checkpoint-10", "checkpoint-11", "checkpoint-9"]
    assert not caplog.records


def test_without_any_whole_checkpoint_training_begins_anew(checkpoints):
    for step in (9, 10, 11):
        flip("model.safetensors")(checkpoints / f"checkpoint-{step}")
    assert newest_complete(checkpoints) is None
    assert names(checkpoints) == []


def test_folders_that_are_no_checkpoints_are_let_be(checkpoints):
    (checkpoints / "checkpoint-best").mkdir()
    (checkpoints / "README.md").touch()
    assert newest_complete(checkpoints) == checkpoints / "checkpoint-11"
    assert {"checkpoint-best", "README.md"} <= set(names(checkpoints))


def test_no_folder_has_no_checkpoint(tmp_path):
    assert newest_complete(tmp_path / "nowhere") is None


# -- going on ----------------------------------------------------------------------------------

STEPS, GROUP = 5, 4
OPTIONS = {
    "max_steps": STEPS,
    "per_device_train_batch_size": 8,
    "num_generations": GROUP,
    "gradient_checkpointing": False,
    "save_steps": 1,
    "learning_rate": 3e-3,
    "lr_scheduler_type": "linear",
    "save_total_limit": None,
}
PROMPTS = [str(number) for number in range(2 * STEPS)]


class Killed(BaseException):
    """The process is gone."""


def rollout_of(policy, *, killed_at=None, calls=None):
    """Real games against a script, decided by the prompt and the weights."""
    sampler = TransformersSampler(policy)

    def rollout(prompts, step):
        if step == killed_at:
            raise Killed
        if calls is not None:
            calls.append((step, list(prompts)))
        tasks = [
            dataclasses.replace(task, seed=1, agent_seeds=(100 * int(prompt) + place, 1))
            for place, prompt in enumerate(prompts)
            for task in games(int(prompt) + 1)[-1:]
        ]
        episodes = play(sampler, tasks)
        rows = [row_of(episode, seat_of(episode), policy.chat) for episode in episodes]
        return rows, [episode.seats[seat_of(episode)].reward for episode in episodes]

    return rollout


def train(policy, folder, *, killed_at=None, calls=None, **changes):
    rollout = rollout_of(policy, killed_at=killed_at, calls=calls)
    train_grpo(policy, PROMPTS, rollout, {**OPTIONS, **changes}, folder / "checkpoints", seed=0)
    return policy


def metrics(folder):
    """All that is logged but how long it took."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "step_time"} for line in lines]


def assert_same_weights(one, other):
    wanted = other.model.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in one.model.state_dict().items())


@pytest.fixture(scope="module")
def uninterrupted(_talker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    return train(copy.deepcopy(_talker), folder), folder


def test_training_changes_the_weights_and_plays_each_game_once(talker, tmp_path, uninterrupted):
    calls = []
    policy = train(copy.deepcopy(talker), tmp_path, calls=calls)
    assert [step for step, _ in calls] == list(range(STEPS))
    played = [prompt for _, prompts in calls for prompt in prompts]
    assert played == [prompt for prompt in PROMPTS for _ in range(GROUP)]
    assert_same_weights(policy, uninterrupted[0])
    first, last = (next(p.model.parameters()) for p in (talker, policy))
    assert not torch.equal(first, last)
    assert sum(line["grad_norm"] > 0 for line in metrics(tmp_path)) >= 3


@pytest.mark.parametrize("killed_at", [0, 1, 3])
def test_a_killed_training_ends_as_if_it_had_not_been(talker, tmp_path, uninterrupted, killed_at):
    with pytest.raises(Killed):
        train(copy.deepcopy(talker), tmp_path, killed_at=killed_at)
    assert len(metrics(tmp_path) if killed_at else []) == killed_at
    calls = []
    policy = train(copy.deepcopy(talker), tmp_path, calls=calls)
    assert [step for step, _ in calls] == list(range(killed_at, STEPS))
    assert_same_weights(policy, uninterrupted[0])
    assert metrics(tmp_path) == metrics(uninterrupted[1])


def test_a_training_killed_in_the_middle_of_a_checkpoint_goes_on_from_the_one_before(
    talker, tmp_path, uninterrupted, caplog
):
    shutil.copytree(uninterrupted[1], tmp_path, dirs_exist_ok=True)
    for step in (4, 5):
        shutil.rmtree(tmp_path / "checkpoints" / f"checkpoint-{step}")
    halfway = tmp_path / "checkpoints" / "checkpoint-3"
    without(COMPLETE)(halfway)
    cut(halfway)
    with (tmp_path / "metrics.jsonl").open("a") as lines:
        lines.write('{"step": 6, "loss": 0.')  # and in the middle of a line
    policy = train(copy.deepcopy(talker), tmp_path)
    assert "checkpoint-3 is not complete" in caplog.text
    assert_same_weights(policy, uninterrupted[0])
    assert metrics(tmp_path) == metrics(uninterrupted[1])


def test_a_training_that_is_done_only_loads_what_it_made(talker, tmp_path, uninterrupted):
    shutil.copytree(uninterrupted[1], tmp_path, dirs_exist_ok=True)
    calls = []
    policy = train(copy.deepcopy(talker), tmp_path, calls=calls)
    assert calls == []
    assert_same_weights(policy, uninterrupted[0])
    assert metrics(tmp_path) == metrics(uninterrupted[1])


def test_old_checkpoints_go_once_there_are_newer_ones(talker, tmp_path):
    train(talker, tmp_path, save_total_limit=2, max_steps=4)
    kept = names(tmp_path / "checkpoints")
    assert [name for name in kept if name.startswith("checkpoint")] == [
        "checkpoint-3",
        "checkpoint-4",
    ]
    assert all(is_complete(tmp_path / "checkpoints" / f"checkpoint-{step}") for step in (3, 4))


def test_a_killed_training_of_adapters_ends_as_if_it_had_not_been(chatml_folder, tmp_path):
    def adapted():
        torch.manual_seed(0)
        policy = with_lora(load_policy(str(chatml_folder)), LoraSettings(r=4))
        policy.record = policy.record.model_copy(update={"max_turn_tokens": 4})
        return policy

    rows = [Row([9, 8], [11 + n, 12 + n], [-1.0] * 2, [1, 1], [1, 1]) for n in range(8)]
    ends = []
    for name, stops in (("whole", []), ("killed", [2])):
        for killed_at in (*stops, None):
            policy = adapted()

            def rollout(prompts, step, killed_at=killed_at):
                if step == killed_at:
                    raise Killed
                return rows, [float((n + step) % 3) for n in range(8)]

            (tmp_path / name).mkdir(exist_ok=True)
            folder = tmp_path / name / "checkpoints"
            if killed_at is None:
                train_grpo(policy, PROMPTS, rollout, OPTIONS, folder, seed=0)
            else:
                with pytest.raises(Killed):
                    train_grpo(policy, PROMPTS, rollout, OPTIONS, folder, seed=0)
        ends.append(policy)
    assert_same_weights(*ends)
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "killed")


def test_killed_cloning_ends_as_if_it_had_not_been(untrained, scripted_games, tmp_path):
    rows = cloned_rows(scripted_games, untrained.chat)
    settings = {
        "max_steps": 6,
        "per_device_train_batch_size": 8,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "save_steps": 2,
        "learning_rate": 1e-2,
    }
    whole, killed, resumed = (copy.deepcopy(untrained) for _ in range(3))
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    train_sft(whole, rows, settings, tmp_path / "whole" / "cloning", seed=0)

    passes = []

    def stop(*_):
        passes.append(1)
        if len(passes) == 6:
            raise Killed

    killed.model.register_forward_pre_hook(stop)
    with pytest.raises(Killed):
        train_sft(killed, rows, settings, tmp_path / "killed" / "cloning", seed=0)
    train_sft(resumed, rows, settings, tmp_path / "killed" / "cloning", seed=0)
    assert_same_weights(resumed, whole)
    logs = [
        [json.loads(line)["loss"] for line in (path / "cloning.jsonl").read_text().splitlines()]
        for path in (tmp_path / "whole", tmp_path / "killed")
    ]
    assert len(logs[0]) == 6
    assert logs[0] == logs[1]


# -- steps that went wrong ---------------------------------------------------------------------


def spoil(policy, steps):
    """Make the gradients of some steps NaN, as an overflow would."""
    passes = []

    def touch(gradient):
        passes.append(1)
        return gradient * math.nan if len(passes) in steps else gradient

    policy.model.model.norm.weight.register_hook(touch)


def test_a_step_without_a_finite_gradient_is_left_out_and_logged_as_unknown(
    talker, tmp_path, caplog
):
    spoil(talker, {2})
    train(talker, tmp_path)
    lines = metrics(tmp_path)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert [line["grad_norm"] is None for line in lines] == [False, True, False, False, False]
    assert [line["loss"] is None for line in lines] == [False, True, False, False, False]
    assert "step 2 has no finite gradient and was left out" in caplog.text
    folders = [tmp_path / "checkpoints" / f"checkpoint-{step}" for step in (1, 2, 3)]
    one, two, three = (load_policy(str(folder)) for folder in folders)
    assert_same_weights(two, one)
    assert not torch.equal(three.model.lm_head.weight, two.model.lm_head.weight)
    assert all(parameter.isfinite().all() for parameter in talker.model.parameters())


def test_training_is_given_up_when_no_step_has_a_finite_gradient(talker, tmp_path):
    spoil(talker, set(range(2, 20)))
    with pytest.raises(TrainingError, match=r"5 steps up to step 6 .* is .*checkpoint-5$"):
        train(talker, tmp_path, max_steps=9)
    saved = load_policy(str(tmp_path / "checkpoints" / "checkpoint-5"))
    assert all(parameter.isfinite().all() for parameter in saved.model.parameters())
