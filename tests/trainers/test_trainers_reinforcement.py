"""What a GRPO experiment adds to cloning: which games are played, and what they pay."""

import json
from collections import Counter

import pytest
from tiny_players import Recited

from sotopia_env.run_folder import Run
from sotopia_trainers import reinforcement
from sotopia_trainers.evaluate import Match
from sotopia_trainers.reinforcement import Reinforcement
from sotopia_trainers.settings import DemonstrationSettings, ReinforcementSettings

PARTNERS = ["scripted:linear", "scripted:conceder"]


@pytest.fixture
def experiment(tmp_path):
    """Makes one with the given settings."""

    def made(**settings):
        filled = ReinforcementSettings(
            scenarios=["price_negotiation", "resource_allocation"],
            partners=PARTNERS,
            held_out_partner="scripted:boulware",
            credit="move",
            grpo={"max_steps": 4, "per_device_train_batch_size": 16, "num_generations": 2},
            **settings,
        )
        run = Run(folder=tmp_path, command="test", seed=0, config_hash="0" * 8, config="")
        return Reinforcement(filled, run, 1.0)

    return made


@pytest.mark.parametrize("partners", [2, 3])
@pytest.mark.parametrize("demonstrators", [1, 2])
def test_demonstrators_meet_every_partner_equally_often_in_both_seats(
    experiment, partners, demonstrators
):
    pool = [f"scripted:linear?beta={n}" for n in range(1, partners + 1)]
    models = [f"scripted:conceder?beta={n}" for n in range(1, demonstrators + 1)]
    settings = DemonstrationSettings(agents={"price_negotiation": models}, games=120)
    made = experiment(demonstrations=settings)
    made.settings.scenarios, made.settings.partners = ["price_negotiation"], pool
    tasks = made._demonstration_tasks()
    assert all("/train/" in task.scenario for task in tasks)
    assert len({task.scenario for task in tasks}) == len(tasks)
    pairs = Counter(task.agents for task in tasks)
    expected = {(m, p) for m in models for p in pool} | {(p, m) for m in models for p in pool}
    assert set(pairs) == expected
    assert set(pairs.values()) == {120 // len(expected)}


def test_groups_take_families_seats_and_partners_in_turn_and_no_instance_twice(experiment):
    games = [json.loads(game) for game in experiment(seed=3)._games()]
    assert len(games) == 4 * 16 // 2
    assert len({game[0] for game in games}) == len(games)
    assert all("/train/" in game[0] for game in games)
    kinds = Counter((game[0].partition("/")[0], game[1], game[2]) for game in games)
    assert set(kinds.values()) == {4}
    assert len(kinds) == 2 * 2 * len(PARTNERS)


@pytest.mark.parametrize("cost", [0.0, 0.05])
def test_a_move_that_does_not_count_costs_reward_and_nothing_else(experiment, talker, cost):
    """The same game with an impossible demand in it, and with silence in its place."""
    scripts = [[said, *["OFFER 40"] * 20] for said in ("OFFER 900", "Hm.")]
    game = json.dumps(["price_negotiation/train/0", 0, "scripted:linear", 0])
    rollout = experiment(invalid_move_cost=cost)._rollout(talker, Recited(talker, scripts))
    rows, rewards = rollout([game, game], 0)
    assert [row.invalid_moves for row in rows] == [1, 0]
    assert rewards[0] == pytest.approx(rewards[1] - cost)


def test_a_game_pays_the_share_of_the_learners_own_seat(experiment, talker):
    """The learner gives all away at once: next to nothing for it, in either seat."""
    low, high = "OFFER 1", "OFFER 75"
    scripts = [[low] * 20, [high] * 20] * 2
    rollout = experiment()._rollout(talker, Recited(talker, scripts))
    games = [
        json.dumps(["price_negotiation/train/0", seat, "scripted:linear", 0])
        for seat in (0, 0, 1, 1)
    ]
    _, rewards = rollout(games, 0)
    for giving, taking in (
        (min(rewards[:2]), max(rewards[:2])),
        (min(rewards[2:]), max(rewards[2:])),
    ):
        assert giving < 0  # the partner accepts a gift
        assert taking == 0  # and not a demand for everything


def test_the_games_of_a_group_differ_in_the_learners_seed_alone():
    match = Match(scenario="price_negotiation/train/0", seat=1, partner="scripted:linear", seed=7)
    other = Match(scenario="price_negotiation/train/1", seat=1, partner="scripted:linear", seed=8)
    numbered = reinforcement._copies([match, match, other, match])
    assert [copy for _, copy in numbered] == [0, 1, 0, 2]
    tasks = [reinforcement._learning_task(game, copy) for game, copy in numbered]
    group = [task for task in tasks if task.scenario == match.scenario]
    assert len({task.agent_seeds[1] for task in tasks}) == 4
    assert {task.agent_seeds[0] for task in group} == {7}
    assert {task.agents for task in group} == {("scripted:linear", "learner")}
