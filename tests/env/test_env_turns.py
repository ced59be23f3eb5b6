"""Orders of speaking, silence, what may be done, and endings."""

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from duel import DUEL
from hypothesis import given
from hypothesis import strategies as st

from sotopia_env import AgentAction, EnvironmentProfile, parallel_env
from sotopia_env.actions import ACTION_TYPES
from sotopia_env.episode import Evaluation, Transcript
from sotopia_env.errors import ActionError
from sotopia_env.evaluators import RuleBasedTermination
from sotopia_env.evaluators.termination import COUNTINGS, Counting
from sotopia_env.games.deduction import read_config
from sotopia_env.scenarios.deduction import profile_of
from sotopia_env.termination import TOO_LONG
from sotopia_env.turns import ACTION_ORDERS, given_the_floor

NONE = AgentAction("none")
LEAVE = AgentAction("leave")
ORDERS = ACTION_ORDERS


def talk(seats: int = 2) -> EnvironmentProfile:
    names = tuple(f"P{n}" for n in range(seats))
    return EnvironmentProfile(
        scenario="They meet.", agent_goals=("Talk.",) * seats, agent_names=names
    )


def started(seats: int = 2, **settings: Any) -> Any:
    env = parallel_env(talk(seats), **settings)
    env.reset(seed=settings.get("seed", 0))
    return env


def everybody(env: Any, action: Any) -> Any:
    return env.step(dict.fromkeys(env.turn_order, action))


# -- orders --------------------------------------------------------------------------------------


def order_of(seed: int, seats: int = 3, turns: int = 200) -> list[str]:
    env = parallel_env(talk(seats), action_order="random", max_turns=turns)
    env.reset(seed=seed)
    order = []
    while env.agents:
        order += env.turn_order
        everybody(env, "Hm.")
    return order


def test_the_random_order_is_one_seat_a_turn_a_function_of_the_seed_and_fair() -> None:
    order = order_of(1)
    assert len(order) == 200
    assert order == order_of(1)
    assert order != order_of(2)
    counts = Counter(order)
    assert set(counts) == {"agent_0", "agent_1", "agent_2"}
    assert min(counts.values()) > 40


def test_the_random_order_passes_over_who_has_left() -> None:
    env = started(3, action_order="random", max_turns=50)
    gone = env.turn_order[0]
    everybody(env, LEAVE)
    while env.agents:
        assert gone not in env.turn_order
        everybody(env, "Hm.")


def test_in_the_agent_chosen_order_all_are_asked_and_one_hand_is_given_the_floor() -> None:
    env = started(3, action_order="agent-chosen")
    assert env.turn_order == ("agent_0", "agent_1", "agent_2")
    observations, *_, infos = env.step({"agent_0": NONE, "agent_1": "One.", "agent_2": NONE})
    assert observations["agent_0"]["text"] == observations["agent_2"]["text"] == 'P1 said: "One."'
    observations, *_, infos = env.step({"agent_0": "Two.", "agent_1": "Three.", "agent_2": NONE})
    assert observations["agent_2"]["text"] == 'P0 said: "Two."'  # P1 has spoken before
    assert infos["agent_1"]["waiting"] is True
    assert observations["agent_1"]["text"].startswith('P0 said: "Two."\nYour hand is raised')
    assert "Three." not in env.render()
    assert "Three." not in env.history("agent_1").replace("Your hand", "")
    assert env.invalid_moves == [0, 0, 0]


def test_a_hand_that_waited_longest_comes_first_and_everybody_gets_the_floor() -> None:
    env = started(4, action_order="agent-chosen", max_turns=40)
    speakers = []
    while env.agents:
        everybody(env, "Me!")
        (spoken,) = [t.seat for t in env.transcript.turns[-4:] if not t.waited]
        speakers.append(spoken)
    rounds = [tuple(speakers[at : at + 4]) for at in range(0, 40, 4)]
    assert all(sorted(one) == sorted(rounds[0]) for one in rounds)
    assert all(one == rounds[0] for one in rounds)


def test_leaving_needs_no_floor() -> None:
    env = started(3, action_order="agent-chosen")
    env.step({"agent_0": "Wait!", "agent_1": LEAVE, "agent_2": "Wait!"})
    assert env.agents == ["agent_0", "agent_2"]
    assert env.transcript.left == ("agent_1",)


@given(st.lists(st.integers(-1, 30), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_the_floor_goes_to_one_of_those_that_have_waited_longest(
    spoke: list[int], seed: int
) -> None:
    hands = list(range(len(spoke)))
    chosen = given_the_floor(hands, spoke, np.random.default_rng(seed))
    assert chosen in hands
    assert spoke[chosen] == min(spoke)


def test_without_a_hand_nobody_has_the_floor_and_it_is_silence() -> None:
    assert given_the_floor([], [], np.random.default_rng(0)) is None
    env = started(3, action_order="agent-chosen")
    for _ in range(3):
        everybody(env, NONE)
    assert env.transcript.outcome == "stale"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("seats", [2, 3, 7, 20])
def test_any_number_of_agents_from_2_to_20_talks_in_every_order(seats: int, order: str) -> None:
    env = started(seats, action_order=order, max_turns=2 * seats)
    heard = dict.fromkeys(env.possible_agents, 0)
    while env.agents:
        observations, *_, infos = everybody(env, "Hello.")
        for seat, observation in observations.items():
            assert observation["text"].count("Hello.") == len(infos[seat]["heard"])
            heard[seat] += len(infos[seat]["heard"])
    spoken = Counter(t.seat for t in env.transcript.turns if not t.waited)
    total = sum(spoken.values())
    assert heard == {seat: total - spoken[seat] for seat in env.possible_agents}
    assert env.transcript.outcome == "turn limit"


# -- masks and types -----------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_the_mask_stands_in_the_infos_and_in_the_observation(order: str) -> None:
    env = parallel_env(talk(3), action_order=order, max_turns=6)
    observations, infos = env.reset(seed=0)
    while env.agents:
        for seat in env.agents:
            mask = infos[seat]["action_mask"]["action_type"]
            assert mask.tolist() == ([1] * 5 if seat in env.turn_order else [1, 0, 0, 0, 0])
            assert observations[seat]["actions"].tolist() == mask.tolist()
            assert observations[seat]["actions"] is not mask
        observations, *_, infos = everybody(env, "Hm.")


def test_only_the_types_that_are_given_can_be_chosen() -> None:
    env = started(action_types=("speak", "action"))
    observations, *_, infos = env.step({"agent_0": LEAVE})
    assert env.agents == ["agent_0", "agent_1"]
    assert env.invalid_moves == [1, 0]
    assert infos["agent_0"]["note"] == (
        "Your last move does not count: leave is not possible now; use one of none, speak, action."
    )
    assert observations["agent_1"]["actions"].tolist() == [1, 1, 0, 1, 0]
    assert observations["agent_1"]["text"] == ""


def test_where_one_can_only_act_plain_words_are_an_action() -> None:
    env = started(action_types=("action",))
    observations, *_ = env.step({"agent_0": "opens the door"})
    assert observations["agent_1"]["text"] == "P0 [action] opens the door"


def test_the_sender_among_the_recipients_changes_nothing() -> None:
    env = started(3)
    observations, *_ = env.step({"agent_0": AgentAction("speak", "Psst.", ("P0", "P2"))})
    assert observations["agent_1"]["text"] == ""
    assert observations["agent_2"]["text"] == "P0 [private to ['P0', 'P2']] said: \"Psst.\""


# -- endings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["round-robin", "simultaneous", "random"])
@pytest.mark.parametrize("limit", [0, 1, 2, 4])
def test_silence_is_counted_in_turns_in_every_order(order: str, limit: int) -> None:
    env = started(action_order=order, max_stale_turns=limit)
    for turn in range(limit + 1):
        assert env.agents, turn
        terminations = everybody(env, NONE)[2]
    assert not env.agents
    assert set(terminations.values()) == {True}
    assert env.transcript.outcome == "stale"
    assert env.transcript.ending == "The conversation stales for too long; "


def test_one_word_ends_the_silence_and_a_mask_is_no_silence() -> None:
    env = started(max_turns=30)
    for turn in range(30):  # seat 1 is silent for ever, seat 0 speaks in its turn
        env.step({env.turn_order[0]: "Hm." if turn % 2 == 0 else NONE})
    assert env.transcript.outcome == "turn limit"


def test_a_leaver_ends_for_itself_and_the_rest_go_on_without_it() -> None:
    env = started(3, max_turns=10)
    _, _, terminations, truncations, _ = env.step({"agent_0": LEAVE})
    assert terminations == {"agent_0": True, "agent_1": False, "agent_2": False}
    assert not any(truncations.values())
    assert env.agents == ["agent_1", "agent_2"]
    with pytest.raises(ActionError, match="no action expected of 'agent_0'; seats now: agent_1"):
        env.step({"agent_0": "I am back.", "agent_1": "Hm."})
    observations, *_ = env.step({"agent_1": "Hm."})
    assert set(observations) == {"agent_1", "agent_2"}
    _, _, terminations, *_ = env.step({"agent_2": LEAVE})
    assert terminations == {"agent_1": True, "agent_2": True}
    assert env.transcript.ending == "Too few active agents; "
    with pytest.raises(ActionError, match="the episode is over"):
        env.step({"agent_1": "Hm."})


def test_the_turn_limit_is_a_truncation_with_the_published_words() -> None:
    env = started(max_turns=2)
    everybody(env, "Hm.")
    _, _, terminations, truncations, _ = everybody(env, "Hm.")
    assert set(terminations.values()) == {False}
    assert set(truncations.values()) == {True}
    assert env.transcript.ending == "The conversation is too long; "


class Enough:
    """Ends after somebody said a word."""

    name = "enough"

    def evaluate(self, transcript: Transcript) -> Evaluation:
        said = transcript.turns[-1].action.argument
        return Evaluation(
            source=self.name, terminated="Enough was said; " if "enough" in said else ""
        )


def test_a_terminator_ends_an_episode_with_its_reason() -> None:
    env = started(terminators=[Enough()])
    everybody(env, "Hm.")
    assert env.agents
    _, _, terminations, *_ = everybody(env, "That is enough.")
    assert set(terminations.values()) == {True}
    assert (env.transcript.outcome, env.transcript.ending) == ("over", "Enough was said; ")


@pytest.mark.parametrize("counting", COUNTINGS)
@pytest.mark.parametrize("most", [2, 20])
def test_the_published_rule_as_a_terminator_truncates_at_its_turn_limit(
    counting: Counting, most: int
) -> None:
    rule = RuleBasedTermination(2, 20, counting=counting)
    env = started(terminators=[rule], max_turns=most)
    everybody(env, "Hm.")
    _, _, terminations, truncations, _ = everybody(env, "Hm.")
    assert set(terminations.values()) == {False}
    assert set(truncations.values()) == {True}
    assert env.transcript.outcome == "turn limit"
    assert env.transcript.ending == "The conversation is too long; "


def test_a_reason_of_a_terminator_is_told_once_and_counts_as_what_it_says() -> None:
    rules = [RuleBasedTermination(2, 1), RuleBasedTermination(2, 3, counting="messages")]
    env = started(action_order="simultaneous", terminators=rules, max_turns=2, max_stale_turns=5)
    everybody(env, NONE)
    _, _, terminations, truncations, _ = everybody(env, NONE)
    assert set(terminations.values()) == {True}
    assert set(truncations.values()) == {False}
    assert env.transcript.outcome == "stale"
    assert env.transcript.ending == TOO_LONG + "The conversation stales for too long; "


def test_another_reason_at_the_turn_limit_terminates() -> None:
    env = started(terminators=[RuleBasedTermination(1), Enough(), Enough()], max_turns=1)
    _, _, terminations, truncations, _ = everybody(env, "That is enough.")
    assert set(terminations.values()) == {True}
    assert set(truncations.values()) == {False}
    assert env.transcript.outcome == "over"
    assert env.transcript.ending == TOO_LONG + "Enough was said; "


def test_the_verdict_of_a_game_stands_beside_the_reasons_of_a_terminator() -> None:
    env = parallel_env(
        profile_of(read_config(DUEL)), terminators=[RuleBasedTermination(1)], max_turns=1
    )
    env.reset(seed=0)
    votes = {"agent_0": "vote Bram", "agent_1": "vote Ada", "agent_2": "vote Bram"}
    _, _, terminations, truncations, _ = env.step(votes)
    assert (set(terminations.values()), set(truncations.values())) == ({True}, {False})
    assert (env.transcript.outcome, env.transcript.ending) == ("over", TOO_LONG + "R.")


def test_too_few_seats_for_a_terminator_are_too_few() -> None:
    env = started(3, action_order="simultaneous", terminators=[RuleBasedTermination()])
    env.step(dict.fromkeys(env.agents, LEAVE) | {"agent_2": "Hm."})
    assert (env.transcript.outcome, env.transcript.ending) == ("left", "Too few active agents; ")


ACTIONS = st.sampled_from([NONE, AgentAction("speak", "Hm."), LEAVE])


@given(
    st.lists(st.lists(ACTIONS, min_size=4, max_size=4), min_size=1, max_size=12),
    st.integers(2, 4),
    st.sampled_from(["round-robin", "simultaneous", "random"]),
    st.integers(1, 6),
    st.integers(0, 3),
)
def test_the_rule_as_an_evaluator_says_what_the_environment_does(
    script: list[list[AgentAction]], seats: int, order: str, most: int, stale: int
) -> None:
    rule = RuleBasedTermination(most, stale)
    env = started(seats, action_order=order, max_turns=most, max_stale_turns=stale)
    for actions in script:
        by_seat = dict(zip(env.possible_agents, actions, strict=False))
        env.step({seat: by_seat[seat] for seat in env.turn_order})
        assert rule.evaluate(env.transcript).terminated == env.transcript.ending
        if not env.agents:
            break


def test_a_snapshot_in_any_order_goes_on_as_before() -> None:
    for order in ORDERS:
        env = started(3, action_order=order, max_turns=20)
        for _ in range(3):
            everybody(env, "Me!")
        snapshot = env.snapshot()
        first = [everybody(env, f"Word {n}.")[0] for n in range(6)]
        env.restore(snapshot)
        again = [everybody(env, f"Word {n}.")[0] for n in range(6)]
        for one, other in zip(first, again, strict=True):
            assert repr(one) == repr(other)
        assert all(a["agent_0"]["turn"] < b["agent_0"]["turn"] for a, b in pairwise(first))


@pytest.mark.parametrize("kind", ACTION_TYPES)
def test_words_of_every_type_reach_the_others_byte_for_byte(kind: str) -> None:
    words = "<p viewer='agent_1'>psst</p> 3 < 5 & <b>bold</b> {goal} \u200b\u202e ' \" \\n \r\n\t"
    env = started(3)
    observations, *_ = env.step({"agent_0": {"action_type": kind, "argument": words}})
    if kind in ("none", "leave"):
        assert words not in observations["agent_1"]["text"]
    else:
        assert words in observations["agent_1"]["text"]
        assert words in env.history("agent_2")
