"""Evaluations and the entries, ratings and comments of the published evaluators."""

import pytest

from sotopia_env import EnvironmentProfile
from sotopia_env.actions import ActionType, AgentAction
from sotopia_env.episode import Evaluation, Transcript, Turn
from sotopia_env.errors import FormatError
from sotopia_env.evaluators import RuleBasedTermination
from sotopia_env.formats import (
    Entry,
    entries_of,
    evaluation_of,
    response_of,
    termination_entry,
)

SEATS = ("agent_0", "agent_1", "agent_2")


def test_b2_ratings_are_those_of_the_first_and_second_agent() -> None:
    response = response_of(
        [
            ("environment", (("terminated", True), "")),
            ("agent_1", (("believability", 0), "")),
            ("agent_2", (("believability", 5), "")),
        ]
    )
    assert response.terminated is True
    assert response.p1_rate is not None
    assert response.p2_rate is not None
    assert response.p1_rate[0] == 0
    assert response.p2_rate[0] == 5
    assert response.p2_rate[1] == {"believability": 5, "overall_score": 5}


B21: list[Entry] = [
    ("environment", (("terminated", False), "x")),
    ("agent_1", (("a", 1), "r1")),
    ("agent_1", (("a", 3), "r2")),
    ("agent_1", (("b", 0), "r3")),
    ("agent_3", (("a", 5), "q")),
]


def test_b21_numbers_are_averaged_and_reasons_put_together_by_name() -> None:
    response = response_of(B21)
    assert response.terminated is False
    assert response.p1_rate == (1.0, {"a": 2.0, "b": 0.0, "overall_score": 1.0})
    assert response.p2_rate is None
    assert response.ratings["agent_3"] == (5.0, {"a": 5.0, "overall_score": 5.0})
    assert response.comments == (
        "Environment comments: terminated: x\n"
        "Agent 1 comments:\na: r1r2\nb: r3\nAgent 3 comments:\na: q\n"
    )


def test_b21_of_no_entries_nothing_is_known() -> None:
    response = response_of([])
    assert (response.terminated, response.p1_rate, response.p2_rate) == (False, None, None)
    assert response.comments == ""


def test_b21_a_given_overall_score_is_kept() -> None:
    response = response_of([("agent_1", (("a", 1), "")), ("agent_1", (("overall_score", 4), ""))])
    assert response.p1_rate == (4.0, {"a": 1.0, "overall_score": 4.0})


def test_bools_are_any_and_agents_stand_in_the_order_of_their_numbers() -> None:
    response = response_of(
        [
            ("agent_10", (("a", 1), "ten")),
            ("agent_2", (("a", 1), "two")),
            ("environment", (("terminated", False), "")),
            ("environment", (("terminated", True), "y")),
        ]
    )
    assert response.terminated is True
    assert response.comments == (
        "Environment comments: terminated: y\n"
        "Agent 2 comments:\na: two\nAgent 10 comments:\na: ten\n"
    )


@pytest.mark.parametrize("target", ["judge", "agent", "agent_0", "agent_x", "agent_01"])
def test_a_target_that_is_neither_environment_nor_an_agent_is_refused(target: str) -> None:
    with pytest.raises(FormatError, match="use environment, agent_1"):
        response_of([(target, (("a", 1), ""))])


def test_entries_become_an_evaluation_and_an_evaluation_entries() -> None:
    evaluation = evaluation_of(B21, SEATS)
    assert evaluation == Evaluation(
        source="judge",
        scores={"agent_0": {"a": 2.0, "b": 0.0}, "agent_2": {"a": 5.0}},
        reasons={"agent_0": "a: r1r2\nb: r3", "agent_2": "a: q"},
        details={"agent_0": {"a": "r1r2", "b": "r3"}, "agent_2": {"a": "q"}},
        terminated="x",
    )
    entries = entries_of(evaluation, SEATS)
    assert entries == [
        ("environment", (("terminated", True), "x")),
        ("agent_1", (("a", 2.0), "r1r2")),
        ("agent_1", (("b", 0.0), "r3")),
        ("agent_3", (("a", 5.0), "q")),
    ]
    assert response_of(entries).comments == response_of(B21).comments
    assert evaluation_of(entries, SEATS) == evaluation


def test_an_evaluation_keeps_a_given_overall_score_and_makes_up_none() -> None:
    given: list[Entry] = [("agent_1", (("a", 1), "")), ("agent_1", (("overall_score", 4), ""))]
    assert evaluation_of(given, SEATS).scores == {"agent_0": {"a": 1.0, "overall_score": 4.0}}
    assert evaluation_of(given[:1], SEATS).scores == {"agent_0": {"a": 1.0}}


def test_entries_without_scores_are_no_score_of_zero() -> None:
    assert evaluation_of([], SEATS) == Evaluation(source="judge", unscored="no entry has a score")
    assert entries_of(Evaluation(source="judge", unscored="no reply"), SEATS) == []
    with pytest.raises(FormatError, match="agent_4 of 3 seats"):
        evaluation_of([("agent_4", (("a", 1), ""))], SEATS)


def test_a_reason_for_a_whole_seat_stands_at_its_first_dimension() -> None:
    outcome = Evaluation(
        source="outcome",
        scores={"agent_1": {"share": 0.5, "win": 0.0}},
        reasons={"agent_1": "a deal"},
    )
    assert entries_of(outcome, SEATS) == [
        ("agent_2", (("share", 0.5), "a deal")),
        ("agent_2", (("win", 0.0), "")),
    ]


def conversation(turn: int, *kinds: ActionType) -> Transcript:
    """Alice and Bob, by turns of both."""
    transcript = Transcript(
        EnvironmentProfile(scenario="S"), {"agent_0": "Alice", "agent_1": "Bob"}, turn=turn
    )
    for number, kind in enumerate(kinds):
        action = AgentAction(kind)
        transcript.turns.append(Turn(number // 2, f"agent_{number % 2}", action))
    return transcript


@pytest.mark.parametrize(
    ("transcript", "entry"),
    [
        (conversation(1), ("environment", (("terminated", False), ""))),
        (
            conversation(3),
            ("environment", (("terminated", True), "The conversation is too long; ")),
        ),
        (
            conversation(1, "leave", "none"),
            ("environment", (("terminated", True), "Too few active agents; ")),
        ),
        (
            conversation(3, *["none"] * 6),
            (
                "environment",
                (
                    ("terminated", True),
                    "The conversation is too long; The conversation stales for too long; ",
                ),
            ),
        ),
    ],
)
def test_b1_a_termination_rule_gives_the_published_entry(
    transcript: Transcript, entry: Entry
) -> None:
    rule = RuleBasedTermination(3, 5, counting="messages")
    assert termination_entry(rule.evaluate(transcript)) == entry


def test_b16_the_comments_of_a_turn_say_whether_it_was_the_last() -> None:
    rule = RuleBasedTermination(4, 2)
    for turn, words in ((3, ""), (4, "The conversation is too long; ")):
        response = response_of([termination_entry(rule.evaluate(conversation(turn, "speak")))])
        assert response.comments == f"Environment comments: terminated: {words}\n"
        assert response.terminated is (turn == 4)
