"""Figures of held-out play, by hand; and that everybody plays the same matches."""

import pytest
from tiny_players import LEARNER

from sotopia_env.errors import AgentError
from sotopia_env.prompts import Conversation
from sotopia_env.runner import Cast
from sotopia_trainers import evaluate
from sotopia_trainers.errors import TrainingError
from sotopia_trainers.evaluate import Match, Result


def result(scenario, share, **changes):
    match = Match(scenario=scenario, seat=0, partner="scripted:linear", seed=0)
    values = {"is_agreed": share != 0, "turns": 2, "invalid_moves": 0, "utterances": ("a b", "c")}
    return Result(match=match, share=share, **{**values, **changes})


SALE = "price_negotiation/test/"
TWO = [result("a", 0.2), result("a", 0.6), result("b", 1.0), result("b", 0.0)]


def test_every_instance_is_played_with_every_partner_in_both_seats():
    found = evaluate.matches(["x", "y"], ["p", "q"], split="test", count=2)
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 2
    assert {(m.scenario, m.seat, m.partner) for m in found} == {
        (f"{family}/test/{number}", seat, partner)
        for family in "xy"
        for number in range(2)
        for seat in (0, 1)
        for partner in "pq"
    }


def test_who_is_evaluated_changes_nothing_else_about_a_match():
    match = Match(scenario="s/test/1", seat=1, partner="p", seed=7)
    one, other = match.task("a", ""), match.task("b", "")
    assert one.agents == ("p", "a")
    assert other.agents == ("p", "b")
    assert (one.scenario, one.seed, one.agent_seeds) == (other.scenario, other.seed, ())


def test_mean_share_is_the_mean_with_an_interval_over_scenarios():
    found = evaluate.mean_share(TWO)
    assert found.value == pytest.approx(0.45)
    assert found.n == 4
    # two clusters with means 0.4 and 0.5: resampled means are 0.4, 0.45 or 0.5
    assert (found.low, found.high) == pytest.approx((0.4, 0.5))


def test_a_gain_is_the_mean_of_paired_differences():
    after = [result("a", 0.4), result("a", 0.8), result("b", 0.9), result("b", 0.1)]
    found = evaluate.gain(after, TWO)
    assert found.value == pytest.approx((0.2 + 0.2 - 0.1 + 0.1) / 4)
    assert (found.low, found.high) == pytest.approx((0.0, 0.2))


@pytest.mark.parametrize("compare", [evaluate.gain, evaluate.win_gain])
def test_results_of_other_matches_are_not_compared(compare):
    with pytest.raises(ValueError, match="different matches"):
        compare(TWO, TWO[::-1])


def test_a_win_is_more_than_half():
    results = [result("a", 0.5), result("a", 0.51), result("b", -0.1), result("b", 1.0)]
    assert evaluate.win_rate(results).value == 0.5
    assert evaluate.win_gain(TWO, results).value == pytest.approx((0 + 0 + 1 - 1) / 4)


def test_agreement_invalid_moves_and_words_are_counted():
    results = [result("a", 0.2, invalid_moves=1), result("b", 0.0, utterances=("d e f g",))]
    assert evaluate.agreement_rate(results).value == 0.5
    assert evaluate.invalid_rate(results).value == 0.25
    assert evaluate.invalid_rate(results).n == 4
    assert evaluate.words_per_utterance(results).value == pytest.approx((2 + 1 + 4) / 3)


def spoken(scenario, *utterances):
    return result(scenario, 1.0, utterances=utterances)


def test_distinct_2_counts_different_bigrams_with_numbers_alike():
    # (offer #) (# is) (is fair.) | (offer #) (# is) (is good.): 4 different of 6
    found = evaluate.distinct_2([spoken("a", "OFFER 50 is fair.", "offer 45 Is good.", "ACCEPT")])
    assert (found.value, found.n) == (pytest.approx(4 / 6), 6)
    assert (found.low, found.high) == (0, 1)  # one scenario says nothing about others


def test_the_interval_of_distinct_2_is_a_jackknife_over_scenarios():
    # bigrams: a (x y)(y z), b (x y), c (p q)(q p); all: 4 of 5
    results = [spoken("a", "x y z"), spoken("b", "x y"), spoken("c", "p q p")]
    found = evaluate.distinct_2(results)
    # without a: 3 of 3; without b: 4 of 4; without c: 2 of 3; their mean 8/9
    squares = (1 / 9) ** 2 + (1 / 9) ** 2 + (2 / 9) ** 2
    half = 1.959963984540054 * (2 / 3 * squares) ** 0.5
    assert found.value == pytest.approx(0.8)
    assert (found.low, found.high) == pytest.approx((0.8 - half, 1.0))


def test_distinct_2_looks_at_equally_many_utterances_of_everybody():
    varied = tuple(f"a{number} b{number}" for number in range(400))
    assert evaluate.distinct_2([spoken("a", *varied)]).value == 1.0
    more = [spoken("a", *varied), spoken("b", *["a0 b0"] * 400)]  # every other one is taken
    assert evaluate.distinct_2(more).value == (200 + 1 - 1) / 400


def test_distinct_2_without_a_bigram_is_not_known():
    found = evaluate.distinct_2([spoken("a", "ACCEPT", "")])
    assert (found.low, found.high, found.n) == (0, 1, 0)


def test_matches_are_played_in_order_and_read_off_the_episodes():
    games = evaluate.matches(["price_negotiation"], ["scripted:linear"], split="test", count=3)
    seen = []
    results = evaluate.play("scripted:conceder", games, Cast(style="brief"), on_episode=seen.append)
    assert [r.match for r in results] == games
    assert len(seen) == 6
    for found in results:
        episode = next(e for e in seen if e.key == found.match.task("scripted:conceder", "").key)
        seat = f"agent_{found.match.seat}"
        assert episode.seats[seat].agent == "scripted:conceder"
        assert found.share == episode.seats[seat].reward
        assert found.turns == len(found.utterances) == sum(t.seat == seat for t in episode.turns)


class Absent:
    """Fails whenever it is asked."""

    is_privileged = False

    def __init__(self, seat, seed):
        self.conversation = Conversation(seat)

    async def act(self, observation, info):
        raise AgentError("the model server is away")


def test_a_failed_game_stops_the_evaluation():
    cast = Cast(style="brief")
    cast.factories[LEARNER] = Absent
    games = evaluate.matches(["price_negotiation"], ["scripted:linear"], split="test", count=1)
    with pytest.raises(TrainingError, match=r"learner in price_negotiation/test/0.*server is away"):
        evaluate.play(LEARNER, games, cast)


def test_an_unscored_game_is_not_a_game_of_share_0(scripted_games):
    episode = scripted_games[0].model_copy(update={"evaluations": ()})
    match = Match(scenario="price_negotiation/train/0", seat=0, partner="scripted:linear", seed=0)
    with pytest.raises(TrainingError, match="has no share"):
        evaluate.result_of(match, episode)


def test_a_sentence_is_known_word_for_word_or_not_at_all():
    models = [spoken(SALE + "0", "OFFER 50\nShall we meet?", "ACCEPT\nFair enough.")]
    made = [
        spoken(SALE + "1", "OFFER 60\nShall we meet?"),
        spoken(SALE + "2", "Shall we enough.", "ACCEPT"),
    ]
    found = evaluate.known_sentences(made, models)
    assert (found.value, found.n) == (0.5, 2)
    assert evaluate.known_sentences(models, models).value == 1
    silent = evaluate.known_sentences([spoken(SALE + "1", "OFFER 60")], models)
    assert (silent.low, silent.high, silent.n) == (0, 1, 0)
