"""What we rely on in TRL: methods that exist, advantages that reach the loss token by token."""

import copy
import dataclasses
import inspect
import json
import math
from importlib import metadata

import pytest
import torch
import trl
from packaging.requirements import Requirement
from tiny_players import games, logprobs_of, play, seat_of
from torch.nn.functional import log_softmax

from sotopia_trainers.data import ClonedRow, cloned_rows
from sotopia_trainers.policy import load_policy, with_lora
from sotopia_trainers.rollout import Row, row_of
from sotopia_trainers.sampling import TransformersSampler
from sotopia_trainers.settings import LoraSettings
from sotopia_trainers.trl_bridge import _GameTrainer, train_grpo, train_sft
from sotopia_trainers.trl_options import grpo_arguments

# -- TRL's private surface ---------------------------------------------------------------------


def test_trl_is_the_version_whose_private_methods_are_known():
    wanted = next(
        requirement
        for requirement in map(Requirement, metadata.requires("sotopia-trainers"))
        if requirement.name == "trl"
    )
    assert str(wanted.specifier) in (">=1.16,<1.17", "<1.17,>=1.16")
    assert trl.__version__ in wanted.specifier


def test_the_methods_we_build_on_take_what_we_give_them():
    def parameters(name):
        return list(inspect.signature(getattr(trl.GRPOTrainer, name)).parameters)

    assert parameters("_generate_and_score_completions") == ["self", "inputs"]
    assert parameters("_compute_loss") == ["self", "model", "inputs"]
    forward = parameters("_get_per_token_logps_and_entropies")
    assert forward[:6] == [
        *("self", "model", "input_ids", "attention_mask", "logits_to_keep", "batch_size")
    ]
    assert parameters("_log_metric") == ["self", "name", "value"]
    constructor = parameters("__init__")
    for name in ("model", "args", "train_dataset", "processing_class", "callbacks"):
        assert name in constructor
    assert {"reward_funcs", "rollout_func"} <= set(constructor)
    known = {field.name for field in dataclasses.fields(trl.GRPOConfig)}
    assert {"num_generations", "scale_rewards", "steps_per_generation", "shuffle_dataset"} <= known


# -- hand-made rows ----------------------------------------------------------------------------

ROWS = [
    Row([9, 8], [11, 12, 13, 14], [-1.0] * 4, [1, 1, 0, 1], [1, 1, 0, 1]),
    Row([9], [15, 16], [-1.0] * 2, [1, 1], [0, 1]),
    Row([9, 8, 7], [11, 17, 18, 19, 20], [-1.0] * 5, [0, 1, 1, 1, 0], [0, 1, 0, 0, 0]),
    Row([6, 5], [21, 22, 23], [-1.0] * 3, [1, 1, 1], [1, 1, 1]),
]
REWARDS = [1.0, 0.0, 0.2, 0.6]
ADVANTAGES = [0.5, -0.5, -0.2, 0.2]
"""Of groups of two, without a scale."""


def options(**changes):
    return {
        "max_steps": 1,
        "per_device_train_batch_size": 4,
        "num_generations": 2,
        "scale_rewards": "none",
        "gradient_checkpointing": False,
        "learning_rate": 1e-3,
        **changes,
    }


def given(rows, rewards):
    return lambda prompts, step: (rows, rewards)


def trainer_of(policy, folder, rows=ROWS, rewards=REWARDS, **changes):
    from datasets import Dataset

    trainer = _GameTrainer(
        rollout=given(rows, rewards),
        model=policy.model,
        args=grpo_arguments(options(**changes), folder, seed=0),
        train_dataset=Dataset.from_dict({"prompt": ["game", "game"]}),
        processing_class=policy.tokenizer,
    )
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1  # the training loop would set it
    return trainer


def scored(trainer, count=4):
    return trainer._generate_and_score_completions([{"prompt": "game"}] * count)


def test_a_rollout_becomes_a_batch_with_one_advantage_a_token(untrained, tmp_path):
    output = scored(trainer_of(copy.deepcopy(untrained), tmp_path))
    assert set(output) == {
        "prompt_ids",
        "prompt_mask",
        "completion_ids",
        "completion_mask",
        "tool_mask",
        "advantages",
        "num_items_in_batch",
        "sampling_per_token_logps",
    }
    width = 5
    assert output["completion_ids"].shape == output["advantages"].shape == (4, width)
    for row, advantage, ids, mask, values in zip(
        ROWS,
        ADVANTAGES,
        output["completion_ids"],
        output["completion_mask"] * output["tool_mask"],
        output["advantages"],
        strict=True,
    ):
        rest = [0] * (width - len(row.is_own))
        assert ids[: len(row.completion_ids)].tolist() == row.completion_ids
        assert mask.tolist() == row.is_own + rest
        assert values.tolist() == pytest.approx([advantage * c for c in row.is_credited + rest])
    assert output["num_items_in_batch"] == sum(sum(row.is_own) for row in ROWS)


def test_batches_padded_to_a_multiple_keep_one_advantage_a_token(untrained, tmp_path):
    output = scored(trainer_of(copy.deepcopy(untrained), tmp_path, pad_to_multiple_of=8))
    assert output["completion_ids"].shape == output["advantages"].shape == (4, 8)
    assert not output["advantages"][:, 5:].any()


def by_hand(model, ratio=1.0, rows=ROWS, advantages=ADVANTAGES, temperature=1.0):
    """`-(advantage * ratio)` summed over credited tokens, over the number of own tokens."""
    total = torch.tensor(0.0)
    for row, advantage in zip(rows, advantages, strict=True):
        ids = torch.tensor([row.prompt_ids + row.completion_ids])
        logits = model(input_ids=ids).logits[0, :-1] / temperature
        found = log_softmax(logits, dim=-1).gather(1, ids[0, 1:, None]).squeeze(1)
        found = found[len(row.prompt_ids) - 1 :]
        weights = (found - found.detach()).exp() * ratio
        total = total - advantage * (weights * torch.tensor(row.is_credited)).sum()
    return total / sum(sum(row.is_own) for row in rows)


def gradients(model):
    found = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    return found


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("ratio", [1.0, 1.1])
def test_the_loss_is_minus_the_weighted_advantage_over_the_own_tokens(
    untrained, tmp_path, ratio, temperature
):
    model = copy.deepcopy(untrained.model)
    policy = copy.deepcopy(untrained)
    trainer = trainer_of(policy, tmp_path, temperature=temperature)
    batch = scored(trainer)
    if ratio != 1:  # as if the weights had moved since the games were played
        with torch.no_grad():
            logps, _, _ = trainer._get_per_token_logps_and_entropies(
                policy.model,
                torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
                torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1),
                batch["completion_ids"].shape[1],
            )
        batch["old_per_token_logps"] = logps - math.log(ratio)
    loss = trainer._compute_loss(trainer.model, batch)
    expected = by_hand(model, ratio, temperature=temperature)
    torch.testing.assert_close(loss, expected, atol=1e-6, rtol=1e-5)
    loss.backward()
    expected.backward()
    for found, wanted in zip(gradients(policy.model), gradients(model), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-4)


def test_the_loss_at_the_policy_itself_is_a_number_one_can_add_up(untrained, tmp_path):
    # credited tokens: 3, 1, 1, 3; own tokens: 3 + 2 + 3 + 3 = 11
    trainer = trainer_of(copy.deepcopy(untrained), tmp_path)
    loss = trainer._compute_loss(trainer.model, scored(trainer))
    assert loss.item() == pytest.approx(-(3 * 0.5 - 0.5 - 0.2 + 3 * 0.2) / 11)


def test_without_an_advantage_nothing_is_learned(untrained, tmp_path):
    policy = copy.deepcopy(untrained)
    trainer = trainer_of(policy, tmp_path, rewards=[0.3] * 4)
    loss = trainer._compute_loss(trainer.model, scored(trainer))
    loss.backward()
    assert loss.item() == 0
    assert not any(gradient.any() for gradient in gradients(policy.model))


def test_a_group_with_an_unscored_game_teaches_nothing(untrained, tmp_path):
    trainer = trainer_of(copy.deepcopy(untrained), tmp_path, rewards=[1.0, math.nan, 0.2, 0.6])
    advantages = scored(trainer)["advantages"]
    assert not advantages[:2].any()
    assert advantages[2:].any()


def test_a_row_without_own_tokens_disturbs_nobody(untrained, tmp_path):
    blank = Row([3], [3], [0.0], [0], [0])
    rows, rewards = [blank, *ROWS[1:]], [math.nan, *REWARDS[1:]]
    model = copy.deepcopy(untrained.model)
    trainer = trainer_of(copy.deepcopy(untrained), tmp_path, rows=rows, rewards=rewards)
    loss = trainer._compute_loss(trainer.model, scored(trainer))
    expected = by_hand(model, rows=rows, advantages=[0, 0, *ADVANTAGES[2:]])
    torch.testing.assert_close(loss, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [None, 5])
def test_games_of_like_length_together_have_the_probabilities_of_all_in_one(
    untrained, tmp_path, batch_size
):
    policy = copy.deepcopy(untrained)
    trainer = trainer_of(policy, tmp_path)
    lengths = [1, 9, 4, 12, 3, 12, 7, 2, 5]
    prompts = torch.tensor([[0, 0, 9], [9, 8, 7], [0, 6, 5]] * 3)
    completions = torch.zeros((len(lengths), 14), dtype=torch.long)
    for row, length in enumerate(lengths):
        completions[row, :length] = torch.arange(11 + row, 11 + row + length)
    ids = torch.cat([prompts, completions], dim=1)
    mask = (ids != 0).long()

    def found(method):
        policy.model.zero_grad()
        logps, entropies, _ = method(
            policy.model, ids, mask, 14, batch_size=batch_size, compute_entropy=True
        )
        is_real = mask[:, 3:].bool()
        logps[is_real].sum().backward()
        kept = [logps[is_real].detach(), entropies[is_real].detach(), *gradients(policy.model)]
        assert logps.shape == entropies.shape == (9, 14)
        return kept

    ours = found(trainer._get_per_token_logps_and_entropies)
    whole = found(super(_GameTrainer, trainer)._get_per_token_logps_and_entropies)
    for one, other in zip(ours, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_probabilities_trl_trains_on_are_those_of_the_sampler(talker, tmp_path):
    """Real games of different lengths in one padded batch, through TRL's own forward pass."""
    sampler = TransformersSampler(talker, temperature=0.7)
    episodes = play(sampler, games(8))
    rows = [row_of(episode, seat_of(episode), talker.chat) for episode in episodes]
    changes = {"per_device_train_batch_size": 8, "temperature": 0.7}
    trainer = trainer_of(talker, tmp_path, rows=rows, rewards=[0.0] * 8, **changes)
    batch = scored(trainer, 8)
    logps, _, _ = trainer._get_per_token_logps_and_entropies(
        talker.model,
        torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
        torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1),
        batch["completion_ids"].shape[1],
    )
    own = (batch["completion_mask"] * batch["tool_mask"]).bool()
    sampled = batch["sampling_per_token_logps"]
    torch.testing.assert_close(logps[own], sampled[own], atol=1e-4, rtol=0)


# -- whole runs --------------------------------------------------------------------------------


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_games_are_played_without_dropout_and_learned_from_with_it(chatml_folder, tmp_path):
    policy = with_lora(load_policy(str(chatml_folder)), LoraSettings(r=4, lora_dropout=0.5))
    played, learned = [], []

    def rollout(prompts, step):
        played.append(policy.model.training)
        return ROWS, REWARDS

    policy.model.register_forward_pre_hook(lambda model, _: learned.append(model.training))
    train_grpo(policy, ["game"] * 4, rollout, options(max_steps=2), tmp_path / "c", seed=0)
    assert played == [False, False]
    assert set(learned) == {True}


def test_training_makes_credited_tokens_of_good_games_likelier(untrained, tmp_path):
    policy = copy.deepcopy(untrained)
    before = [logprobs_of(policy.model, row.prompt_ids + row.completion_ids) for row in ROWS]
    train_grpo(
        policy, ["game"] * 40, given(ROWS, REWARDS), options(max_steps=20), tmp_path / "c", seed=0
    )
    policy.model.eval()
    for row, advantage, old in zip(ROWS, ADVANTAGES, before, strict=True):
        new = logprobs_of(policy.model, row.prompt_ids + row.completion_ids)
        change = (new - old)[len(row.prompt_ids) :]
        mean = (change * torch.tensor(row.is_credited)).sum()
        assert mean > 0 if advantage > 0 else mean < 0


def test_each_step_is_logged_once_with_what_the_games_paid(untrained, tmp_path):
    policy = copy.deepcopy(untrained)
    rewards = [1.0, math.nan, 0.2, 0.6]
    train_grpo(
        policy, ["game"] * 6, given(ROWS, rewards), options(max_steps=3), tmp_path / "c", seed=0
    )
    lines = lines_of(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert [line["reward"] for line in lines] == pytest.approx([0.6] * 3)
    assert [line["unscored_games"] for line in lines] == [0.25] * 3
    assert all(line["entropy"] > 0 for line in lines)


def test_a_step_without_any_scored_game_is_logged_as_unknown_and_changes_nothing(
    untrained, tmp_path
):
    policy = copy.deepcopy(untrained)
    rollout = given(ROWS, [math.nan] * 4)
    train_grpo(policy, ["game"] * 2, rollout, options(weight_decay=0.0), tmp_path / "c", seed=0)
    (line,) = lines_of(tmp_path / "metrics.jsonl")
    assert line["reward"] is None
    assert line["unscored_games"] == 1
    for found, old in zip(policy.model.parameters(), untrained.model.parameters(), strict=True):
        assert torch.equal(found, old)


def test_a_batch_may_be_gathered_over_several_passes(untrained, tmp_path):
    """Four rows at once, or two and two with accumulation: the same step."""
    weights = []
    for number, changes in enumerate(
        ({}, {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2})
    ):
        policy = copy.deepcopy(untrained)
        folder = tmp_path / str(number) / "c"
        folder.parent.mkdir()
        settings = options(optim="sgd", learning_rate=1.0, max_steps=2, **changes)
        train_grpo(policy, ["game"] * 4, given(ROWS, REWARDS), settings, folder, seed=0)
        weights.append(policy.model.state_dict())
    for name, found in weights[0].items():
        torch.testing.assert_close(found, weights[1][name], atol=1e-6, rtol=1e-5)


def test_only_adapters_learn_when_the_policy_has_some(chatml_folder, tmp_path):
    base = load_policy(str(chatml_folder))
    policy = with_lora(load_policy(str(chatml_folder)), LoraSettings(r=4))
    train_grpo(
        policy, ["game"] * 4, given(ROWS, REWARDS), options(max_steps=2), tmp_path / "c", seed=0
    )
    policy.save(tmp_path / "adapters")
    with policy.model.disable_adapter(), torch.inference_mode():
        ids = torch.tensor([[5, 6, 7]])
        expected = base.model(input_ids=ids).logits
        assert torch.equal(policy.model(input_ids=ids).logits, expected)
    adapted = load_policy(str(tmp_path / "adapters"), merge=True)
    with torch.inference_mode():
        assert not torch.equal(adapted.model(input_ids=ids).logits, expected)


def test_a_reference_keeps_adapters_near_where_they_began(chatml_folder, tmp_path):
    policy = with_lora(load_policy(str(chatml_folder)), LoraSettings(r=4))
    settings = options(max_steps=2, beta=0.1)
    train_grpo(policy, ["game"] * 4, given(ROWS, REWARDS), settings, tmp_path / "c", seed=0)
    lines = lines_of(tmp_path / "metrics.jsonl")
    assert lines[0]["kl"] == pytest.approx(0, abs=1e-6)


def test_cloning_learns_the_labels_and_nothing_else(untrained, tmp_path):
    policy = copy.deepcopy(untrained)
    rows = [ClonedRow([5, 6, 7, 8], [-100, 6, -100, 8]), ClonedRow([9, 6], [-100, 6])]
    expected = [
        -value
        for row in rows
        for value, label in zip(
            logprobs_of(policy.model, row.input_ids).tolist(), row.labels, strict=True
        )
        if label != -100
    ]
    settings = {
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "learning_rate": 0.0,
    }
    train_sft(policy, rows, settings, tmp_path / "cloning", seed=0)
    (line,) = lines_of(tmp_path / "cloning.jsonl")
    assert line["loss"] == pytest.approx(sum(expected) / 3, abs=1e-3)


def test_long_conversations_are_cloned_whole(untrained, tmp_path):
    """TRL's default length of 1024 would cut a dialogue short in silence."""
    policy = copy.deepcopy(untrained)
    row = ClonedRow([5] * 1199 + [6], [-100] * 1199 + [6])
    settings = {"max_steps": 1, "gradient_checkpointing": False, "logging_steps": 1}
    train_sft(policy, [row], settings, tmp_path / "cloning", seed=0)
    (line,) = lines_of(tmp_path / "cloning.jsonl")
    expected = -logprobs_of(untrained.model, row.input_ids)[-1].item()
    assert line["loss"] == pytest.approx(expected, abs=1e-2)


def test_cloning_games_lowers_the_loss(untrained, scripted_games, tmp_path):
    policy = copy.deepcopy(untrained)
    settings = {
        "max_steps": 12,
        "per_device_train_batch_size": 16,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "learning_rate": 1e-2,
    }
    train_sft(
        policy, cloned_rows(scripted_games, policy.chat), settings, tmp_path / "cloning", seed=0
    )
    losses = [line["loss"] for line in lines_of(tmp_path / "cloning.jsonl")]
    assert len(losses) == 12
    assert losses[-1] < losses[0] - 1
