"""Rewards: the exact outcome of a game by hand, unscored ones, and stacked wrappers."""

import math
from functools import partial
from typing import Any

import pytest
from sales import sale

from sotopia_env import AgentAction, EnvironmentProfile, VerifiableReward, parallel_env
from sotopia_env.episode import Evaluation, Transcript
from sotopia_env.errors import ActionError, ConfigurationError
from sotopia_env.evaluators import GameOutcome
from sotopia_env.games.resource_allocation import AllocationParams, Issue
from sotopia_env.rewards import RewardWrapper

SEATS = ("agent_0", "agent_1")
short_sale = partial(sale, deadline=4)


def division(disagreement: tuple[int, int] = (0, 0)) -> EnvironmentProfile:
    """Books are worth more to Ada, balls to Bram; everything is worth 10 to both."""
    return EnvironmentProfile(
        scenario="Things are to be divided.",
        agent_goals=("Get much.", "Get much."),
        agent_names=("Ada", "Bram"),
        game=AllocationParams(
            issues=(Issue(name="books", quantity=2), Issue(name="balls", quantity=2)),
            weights=((4, 1), (2, 3)),
            disagreement=disagreement,
            deadline=4,
        ),
    )


def talk(seats: int) -> EnvironmentProfile:
    return EnvironmentProfile(scenario="Friends meet.", agent_goals=("Enjoy it.",) * seats)


def played(env: Any, *said: str | AgentAction) -> tuple[Any, ...]:
    """The five dicts of the last step."""
    env.reset(seed=0)
    for words in said:
        result = env.step({env.turn_order[0]: words})
    assert not env.agents
    return tuple(result)


class Fixed:
    """An evaluator that gives what it was made with."""

    def __init__(self, name: str, evaluation: Evaluation) -> None:
        self.name, self._evaluation = name, evaluation
        self.seen: list[Transcript] = []

    def evaluate(self, transcript: Transcript) -> Evaluation:
        self.seen.append(transcript)
        return self._evaluation


def scoring(name: str, **scores: float) -> Fixed:
    """Gives each seat its score of the dimension `fun`."""
    by_seat = {seat: {"fun": value} for seat, value in scores.items()}
    return Fixed(name, Evaluation(source=name, scores=by_seat))


# -- the outcome of a game -----------------------------------------------------------------------

DEAL = ("OFFER 55", "ACCEPT")
NO_DEAL = ("No.", "No.", "No.", "No.")


@pytest.mark.parametrize(
    ("mode", "said", "rewards"),
    [
        ("share", DEAL, (0.75, 0.25)),
        ("utility", DEAL, (15.0, 5.0)),
        ("win", DEAL, (1.0, -1.0)),
        ("share", ("OFFER 50", "ACCEPT"), (0.5, 0.5)),
        ("win", ("OFFER 50", "ACCEPT"), (0.0, 0.0)),
        ("share", ("OFFER 70", "ACCEPT"), (1.5, -0.5)),
        ("utility", ("OFFER 70", "ACCEPT"), (30.0, -10.0)),
        ("share", ("Hm.", "FINAL_BID: 48", "FINAL_BID: 45"), (0.325, 0.675)),
        ("share", NO_DEAL, (0.0, 0.0)),
        ("utility", NO_DEAL, (0.0, 0.0)),
        ("win", NO_DEAL, (-1.0, -1.0)),
        ("share", ("OFFER 55", "FINAL_BID: 45", "REJECT"), (0.0, 0.0)),
    ],
)
def test_the_rewards_of_a_sale_by_hand(
    mode: str, said: tuple[str, ...], rewards: tuple[float, float]
) -> None:
    env = parallel_env(short_sale(), reward=mode)
    _, given, _, _, infos = played(env, *said)
    assert given == dict(zip(SEATS, rewards, strict=True))
    assert env.final_rewards == given
    for seat, reward in given.items():
        components = infos[seat]["reward_components"]
        assert components[f"outcome/{mode}"] == reward
        assert components.keys() <= {
            f"outcome/{n}" for n in ("share", "utility", "win", "agreement")
        }
        assert "unscored" not in infos[seat]


def test_auto_is_the_share_of_a_game_and_nothing_elsewhere() -> None:
    _, rewards, *_ = played(parallel_env(short_sale()), *DEAL)
    assert rewards == {"agent_0": 0.75, "agent_1": 0.25}
    _, rewards, _, _, infos = played(parallel_env(talk(2), max_turns=1), "Hello.")
    assert rewards == {"agent_0": 0.0, "agent_1": 0.0}
    assert infos["agent_0"]["reward_components"] == {}


def test_without_a_wrapper_nothing_is_scored() -> None:
    env = parallel_env(short_sale(), reward=None)
    _, rewards, _, _, infos = played(env, *DEAL)
    assert rewards == {"agent_0": 0.0, "agent_1": 0.0}
    assert infos["agent_0"]["reward_components"] == {}
    assert env.final_rewards == rewards


def test_shares_of_a_division_are_measured_for_each_seat_alone() -> None:
    # Ada keeps the books (8 of 10), Bram the balls (6 of 10).
    _, rewards, *_ = played(parallel_env(division()), "PROPOSE 2 0", "ACCEPT")
    assert rewards == {"agent_0": 0.8, "agent_1": 0.6}


def test_shares_of_a_division_start_from_what_there_is_without_an_agreement() -> None:
    # Neither refuses 8/6, 9/3, 5/5 and 6/2: Ada can gain 9 - 5 and Bram 6 - 2 at most.
    env = parallel_env(division(disagreement=(5, 2)))
    _, rewards, *_ = played(env, "PROPOSE 2 1", "ACCEPT")
    assert rewards == {"agent_0": 1.0, "agent_1": 0.25}
    _, rewards, *_ = played(env, "PROPOSE 1 1", "ACCEPT")
    assert rewards == {"agent_0": 0.0, "agent_1": 0.75}
    _, rewards, *_ = played(env, *NO_DEAL)
    assert rewards == {"agent_0": 0.0, "agent_1": 0.0}


def test_rewards_come_with_the_last_step_only() -> None:
    env = parallel_env(short_sale())
    env.reset(seed=0)
    _, rewards, _, _, infos = env.step({"agent_0": "OFFER 55"})
    assert rewards == {"agent_0": 0.0, "agent_1": 0.0}
    assert infos["agent_0"]["reward_components"] == {}
    assert env.evaluation is None
    _, rewards, _, _, infos = env.step({"agent_1": "ACCEPT"})
    assert rewards == {"agent_0": 0.75, "agent_1": 0.25}
    assert infos["agent_0"]["reward_components"] == {
        "outcome/utility": 15.0,
        "outcome/agreement": 1.0,
        "outcome/share": 0.75,
        "outcome/win": 1.0,
    }
    evaluation = env.evaluation
    assert evaluation.scores["agent_0"] == {
        "utility": 15.0,
        "agreement": 1.0,
        "share": 0.75,
        "win": 1.0,
    }
    assert evaluation.reasons["agent_0"] == "agreement: 15, 75% of the most that could be gained"


def test_leaving_a_game_gives_both_nothing() -> None:
    _, rewards, *_ = played(parallel_env(short_sale()), "OFFER 55", AgentAction("leave"))
    assert rewards == {"agent_0": 0.0, "agent_1": 0.0}


# -- where nothing could be gained ---------------------------------------------------------------

IMPOSSIBLE = {"reservations": (60, 40)}


@pytest.mark.parametrize(
    ("mode", "said", "rewards"),
    [
        ("share", NO_DEAL, (0.0, 0.0)),
        ("share", DEAL, (-1.0, -1.0)),
        ("share", ("OFFER 60", "ACCEPT"), (0.0, -1.0)),
        ("share", ("OFFER 70", "ACCEPT"), (1.0, -1.0)),
        ("win", NO_DEAL, (0.0, 0.0)),
        ("utility", NO_DEAL, (0.0, 0.0)),
        ("win", DEAL, (-1.0, -1.0)),
        ("utility", DEAL, (-5.0, -15.0)),
        ("win", ("OFFER 70", "ACCEPT"), (1.0, -1.0)),
    ],
)
def test_where_nothing_is_to_be_gained_walking_away_is_0_and_a_loss_is_below(
    mode: str, said: tuple[str, ...], rewards: tuple[float, float]
) -> None:
    _, given, *_ = played(parallel_env(short_sale(**IMPOSSIBLE), reward=mode), *said)
    assert given == dict(zip(SEATS, rewards, strict=True))


@pytest.mark.parametrize(
    ("said", "shares"),
    [(NO_DEAL, (0.0, 0.0)), (("OFFER 50", "ACCEPT"), (0.0, 0.0)), (DEAL, (1, -1))],
)
def test_a_sale_at_the_one_price_that_suits_both_is_worth_what_no_deal_is(
    said: tuple[str, ...], shares: tuple[float, float]
) -> None:
    _, rewards, *_ = played(parallel_env(short_sale(reservations=(50, 50))), *said)
    assert rewards == dict(zip(SEATS, shares, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_generated_sales_without_a_zone_of_agreement_are_scored(seed: int) -> None:
    env = parallel_env("price_negotiation?difficulty=impossible")
    env.reset(seed=seed)
    while env.agents:
        result = env.step({env.turn_order[0]: "No."})
    assert result[1] == env.final_rewards == {"agent_0": 0.0, "agent_1": 0.0}


def test_the_evaluator_scores_no_conversation_and_no_unfinished_game() -> None:
    env = parallel_env(talk(2), reward=None)
    env.reset(seed=0)
    unscored = GameOutcome().evaluate(env.transcript)
    assert unscored.scores == {}
    assert unscored.unscored == "the scenario has no verifiable game"
    env = parallel_env(short_sale(), reward=None)
    env.reset(seed=0)
    assert GameOutcome().evaluate(env.transcript).unscored == "the game is not over"


# -- wrappers ------------------------------------------------------------------------------------


def test_stacked_wrappers_add_weighted_scores() -> None:
    env = parallel_env(short_sale(), reward=None)
    env = VerifiableReward(env, mode="share", weight=2.0)
    env = VerifiableReward(env, mode="win")
    env = RewardWrapper(env, scoring("jury", agent_0=4.0, agent_1=8.0), dimension="fun", weight=0.5)
    _, rewards, _, _, infos = played(env, *DEAL)
    assert rewards == {"agent_0": 1.5 + 1.0 + 2.0, "agent_1": 0.5 - 1.0 + 4.0}
    assert env.final_rewards == rewards
    assert infos["agent_0"]["reward_components"] == {
        "outcome/utility": 15.0,
        "outcome/agreement": 1.0,
        "outcome/share": 0.75,
        "outcome/win": 1.0,
        "jury/fun": 4.0,
    }
    assert [evaluation.source for evaluation in env.evaluations] == ["outcome", "outcome", "jury"]


def test_one_unscored_source_leaves_the_sum_unscored_and_the_others_readable() -> None:
    silent = Fixed("jury", Evaluation(source="jury", unscored="the jury was asleep"))
    env = RewardWrapper(parallel_env(short_sale(), reward="share"), silent, dimension="fun")
    _, rewards, _, _, infos = played(env, *DEAL)
    assert math.isnan(rewards["agent_0"])
    assert infos["agent_0"]["unscored"] == "not scored: jury/fun"
    assert env.evaluation.unscored == "the jury was asleep"
    assert infos["agent_0"]["reward_components"]["outcome/share"] == 0.75
    assert "jury/fun" not in infos["agent_0"]["reward_components"]


def test_a_seat_without_a_score_is_unscored_alone() -> None:
    env = RewardWrapper(
        parallel_env(short_sale(), reward=None), scoring("jury", agent_0=1.0), dimension="fun"
    )
    _, rewards, _, _, infos = played(env, *DEAL)
    assert rewards["agent_0"] == 1.0
    assert math.isnan(rewards["agent_1"])
    assert infos["agent_1"]["unscored"] == "not scored: jury/fun"


def test_an_evaluator_is_asked_once_after_the_last_turn() -> None:
    jury = scoring("jury", agent_0=1.0, agent_1=1.0)
    env = RewardWrapper(parallel_env(short_sale(), reward=None), jury, dimension="fun")
    played(env, *DEAL)
    (transcript,) = jury.seen
    assert transcript.outcome == "agreement"
    assert [turn.action.argument for turn in transcript.turns] == list(DEAL)


def test_an_evaluator_given_to_parallel_env_scores_its_dimension_reward() -> None:
    scores = {"agent_0": {"reward": 3.0}, "agent_1": {"reward": 4.0}}
    jury = Fixed("jury", Evaluation(source="jury", scores=scores))
    _, rewards, *_ = played(parallel_env(talk(2), reward=jury, max_turns=1), "Hello.")
    assert rewards == {"agent_0": 3.0, "agent_1": 4.0}


def test_final_rewards_cover_a_seat_that_left_early() -> None:
    jury = scoring("jury", agent_0=1.0, agent_1=2.0, agent_2=3.0)
    env = RewardWrapper(parallel_env(talk(3), reward=None, max_turns=3), jury, dimension="fun")
    _, rewards, _, _, infos = played(env, AgentAction("leave"), "Oh.", "Hm.")
    assert rewards == {"agent_1": 2.0, "agent_2": 3.0}
    assert set(infos) == {"agent_1", "agent_2"}
    assert env.final_rewards == {"agent_0": 1.0, "agent_1": 2.0, "agent_2": 3.0}


def test_a_new_episode_starts_without_rewards() -> None:
    env = parallel_env(short_sale())
    played(env, *DEAL)
    env.reset(seed=1)
    assert env.final_rewards == {"agent_0": 0.0, "agent_1": 0.0}
    assert env.evaluations == ()


def test_a_restored_position_is_scored_anew() -> None:
    env = parallel_env(short_sale())
    env.reset(seed=0)
    env.step({"agent_0": "OFFER 55"})
    snapshot = env.snapshot()
    env.step({"agent_1": "ACCEPT"})
    env.restore(snapshot)
    assert env.evaluations == ()
    assert env.final_rewards == {"agent_0": 0.0, "agent_1": 0.0}
    env.step({"agent_1": "OFFER 45"})
    _, rewards, *_ = env.step({"agent_0": "ACCEPT"})
    assert rewards == {"agent_0": 0.25, "agent_1": 0.75}
    assert env.final_rewards == rewards


def test_the_end_is_restored_with_all_that_was_scored_there() -> None:
    env = RewardWrapper(
        parallel_env(short_sale()), scoring("jury", agent_0=1.0, agent_1=2.0), dimension="fun"
    )
    played(env, *DEAL)
    evaluations, end = env.evaluations, env.snapshot()
    assert [evaluation.source for evaluation in evaluations] == ["outcome", "jury"]
    played(env, *NO_DEAL)
    env.restore(end)
    assert env.evaluations == evaluations
    assert env.evaluation == evaluations[-1]
    assert env.env.evaluation == evaluations[0]
    assert env.final_rewards == {"agent_0": 1.75, "agent_1": 2.25}


def test_a_snapshot_taken_inside_a_wrapper_knows_nothing_of_its_scores() -> None:
    env = RewardWrapper(
        parallel_env(short_sale()), scoring("jury", agent_0=1.0, agent_1=2.0), dimension="fun"
    )
    played(env, *DEAL)
    env.restore(env.env.snapshot())
    assert [evaluation.source for evaluation in env.evaluations] == ["outcome"]
    with pytest.raises(ActionError, match="restore takes what snapshot"):
        env.restore("the end")
    assert [evaluation.source for evaluation in env.evaluations] == ["outcome"]


def test_a_wrapper_renames_the_scores_of_its_evaluator() -> None:
    jury = scoring("jury", agent_0=1.0, agent_1=2.0)
    env = RewardWrapper(parallel_env(talk(2), max_turns=1), jury, dimension="fun", name="other")
    *_, infos = played(env, "Hello.")
    assert infos["agent_0"]["reward_components"] == {"other/fun": 1.0}
    assert env.evaluation.source == "other"
    assert env.evaluation.scores == {"agent_0": {"fun": 1.0}, "agent_1": {"fun": 2.0}}


def test_an_unknown_mode_is_answered_with_those_that_exist() -> None:
    with pytest.raises(ConfigurationError, match="Known: share, utility, win"):
        VerifiableReward(parallel_env(short_sale(), reward=None), mode="joy")


def test_an_evaluation_has_scores_or_a_reason_and_not_both() -> None:
    with pytest.raises(ValueError, match="not both"):
        Evaluation(source="jury", scores={"agent_0": {"fun": 1.0}}, unscored="asleep")
