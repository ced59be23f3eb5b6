"""Advantages worked out by hand."""

import math

import pytest
import torch
from tiny_players import LEARNER, Recited, play, seat_of

from sotopia_env.runner import Task
from sotopia_trainers.advantages import group_advantages, token_advantages
from sotopia_trainers.rollout import row_of

NAN = math.nan


def advantages(rewards, size, scale):
    return group_advantages(torch.tensor(rewards, dtype=torch.float64), size, scale).tolist()


def test_without_a_scale_the_group_mean_is_taken_away():
    assert advantages([1.0, 0.0, 0.5, 0.25], 2, "none") == [0.5, -0.5, 0.125, -0.125]


def test_a_group_is_divided_by_its_own_standard_deviation():
    # group 1: mean 2, sample standard deviation sqrt((1 + 0 + 1) / 2) = 1; group 2: 0.4, 0.1
    found = advantages([1.0, 2.0, 3.0, 0.3, 0.4, 0.5], 3, "group")
    first, second = 1 / 1.0001, 0.1 / 0.1001
    assert found == pytest.approx([-first, 0, first, -second, 0, second])


def test_a_batch_is_divided_by_the_standard_deviation_of_all():
    # all: mean 2.5, squares 2.25 + 0.25 + 0.25 + 2.25 = 5, sample variance 5 / 3
    found = advantages([1.0, 2.0, 3.0, 4.0], 2, "batch")
    half = 0.5 / (math.sqrt(5 / 3) + 1e-4)
    assert found == pytest.approx([-half, half, -half, half])


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_equal_rewards_have_no_advantage(scale):
    assert advantages([0.3, 0.3, 0.3, 0.3], 2, scale) == pytest.approx([0, 0, 0, 0], abs=1e-12)


@pytest.mark.parametrize("scale", ["group", "none"])
def test_a_group_with_an_unscored_game_is_left_out_as_a_whole(scale):
    found = advantages([1.0, NAN, 0.0, 1.0, 0.0, 0.5], 3, scale)
    assert found[:3] == [0, 0, 0]
    assert found[3:] == advantages([1.0, 0.0, 0.5], 3, scale)


def test_an_unscored_group_does_not_hide_the_spread_of_the_batch():
    found = advantages([1.0, NAN, 1.0, 0.0], 2, "batch")
    spread = math.sqrt(1 / 3) + 1e-4  # of the known rewards 1, 1, 0
    assert found == pytest.approx([0, 0, 0.5 / spread, -0.5 / spread])


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_nothing_scored_is_nothing_learned(scale):
    assert advantages([NAN] * 4, 2, scale) == [0, 0, 0, 0]


@pytest.mark.parametrize("shape", [(5,), (2, 2), (3,)])
def test_rows_that_are_no_whole_groups_are_refused(shape):
    with pytest.raises(ValueError, match="do not divide into groups of 2"):
        group_advantages(torch.zeros(shape), 2)


def test_a_rows_advantage_is_on_its_credited_tokens_only():
    found = token_advantages(torch.tensor([0.5, -2.0]), [[1, 0, 1], [0, 1]], 5)
    assert found.tolist() == [[0.5, 0, 0.5, 0, 0], [0, -2.0, 0, 0, 0]]


OFFERS = [[f"OFFER {price}"] * 10 for price in (30, 45, 60, 75)]
"""What each of four learners says; its partner accepts sooner or later, or never."""


def mirrored(policy, seat):
    """The same four negotiations with the learner in one seat or the other."""
    agents = (LEARNER, "scripted:conceder") if seat == 0 else ("scripted:conceder", LEARNER)
    tasks = [
        Task(scenario="price_negotiation/train/5", agents=agents, seed=5, agent_seeds=(n, n))
        for n in range(4)
    ]
    return play(Recited(policy, OFFERS), tasks)


@pytest.mark.parametrize("seat", [0, 1])
def test_what_one_seat_gains_over_its_group_the_other_loses(talker, seat):
    """Of an agreed game the shares add up to 1, so the two groups mirror each other."""
    episodes = [e for e in mirrored(talker, seat) if e.outcome == "agreement"]
    assert len(episodes) >= 2
    shares = [[e.seats[name].reward for e in episodes] for name in ("agent_0", "agent_1")]
    assert [a + b for a, b in zip(*shares, strict=True)] == pytest.approx([1.0] * len(episodes))
    assert len(set(shares[0])) > 1
    for scale in ("group", "batch", "none"):
        one, other = (advantages(rewards, len(episodes), scale) for rewards in shares)
        assert one == pytest.approx([-value for value in other])


def test_advantages_follow_the_learner_from_seat_to_seat(talker):
    """Groups of both seats in one batch: each has its own baseline and stays on its own tokens."""
    episodes = mirrored(talker, 0) + mirrored(talker, 1)
    rewards = [e.seats[seat_of(e)].reward for e in episodes]
    together = advantages(rewards, 4, "group")
    assert any(together)
    swapped = advantages(rewards[4:] + rewards[:4], 4, "group")
    assert together == swapped[4:] + swapped[:4]
    rows = [row_of(e, seat_of(e), talker.chat, "move") for e in episodes]
    width = max(len(row.completion_ids) for row in rows)
    spread = token_advantages(torch.tensor(together), [row.is_credited for row in rows], width)
    for row, values, advantage in zip(rows, spread.tolist(), together, strict=True):
        own = row.is_own + [0] * (width - len(row.is_own))
        assert all(own[place] for place, value in enumerate(values) if value)
        assert all(value == pytest.approx(advantage) for value in values if value)
