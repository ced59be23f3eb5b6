"""Black-box cases of the original environment's turns, endings and messages.

Where the result differs, `docs/differences.md` says why; the other cases stand with what they are
about (markup, visibility, samplers, dimensions, formats, social games).
"""

from typing import Any

import pytest
from pettingzoo.test import parallel_api_test

from sotopia_env import AgentAction, AgentProfile, EnvironmentProfile, parallel_env
from sotopia_env.errors import ActionError
from sotopia_env.evaluators import RuleBasedTermination
from sotopia_env.evaluators.termination import Counting

NONE, LEAVE = AgentAction("none"), AgentAction("leave")
SPEAK = AgentAction("speak", "Hm.")


def talk(*names: str) -> EnvironmentProfile:
    return EnvironmentProfile(
        scenario="test", agent_goals=tuple(f"{n}'s goal" for n in names), agent_names=names
    )


def started(*names: str, **settings: Any) -> Any:
    env = parallel_env(talk(*names), **settings)
    env.reset(seed=0)
    return env


# -- messages ------------------------------------------------------------------------------------


def test_b8_five_simultaneous_turns_and_private_messages_among_three() -> None:
    env = started("agent1", "agent2", "agent3", action_order="simultaneous")
    for _ in range(5):
        env.step(dict.fromkeys(env.agents, SPEAK))
    before = [env.history(seat) for seat in env.agents]
    observations, *_ = env.step(
        {
            "agent_0": AgentAction("speak", "psst only for agent2", ("agent2",)),
            "agent_1": AgentAction("speak", "hi all"),
            "agent_2": AgentAction("speak", "psst only for agent1", ("agent1",)),
        }
    )
    new = [
        env.history(seat).removeprefix(known).strip().split("\n")
        for seat, known in zip(env.agents, before, strict=True)
    ]
    first = "agent1 [private to ['agent2']] said: \"psst only for agent2\""
    public = 'agent2 said: "hi all"'
    third = "agent3 [private to ['agent1']] said: \"psst only for agent1\""
    assert new == [[first, public, third], [first, public], [public, third]]
    assert observations["agent_0"]["text"] == f"{public}\n{third}"  # what is new to it


@pytest.mark.parametrize("wrong", ["invalid_agent", "agent1", "agent_0"])
def test_b9_a_recipient_in_an_episode_must_be_somebody_else_who_takes_part(wrong: str) -> None:
    env = started("agent1", "agent2")
    observations, *_, infos = env.step({"agent_0": AgentAction("speak", "psst", (wrong,))})
    assert env.invalid_moves == [1, 0]
    assert wrong in infos["agent_0"]["note"]
    assert observations["agent_1"]["text"] == ""
    (turn,) = env.transcript.turns
    assert (turn.action, turn.audience) == (NONE, None)
    assert turn.invalid is not None
    env.step({"agent_1": AgentAction("speak", "psst", ("agent1",))})
    assert env.invalid_moves == [1, 0]


def test_b9_a_recipient_who_has_left_is_none() -> None:
    env = started("agent1", "agent2", "agent3")
    env.step({"agent_0": LEAVE})
    for to in (("agent1",), ("agent_0",), ("agent3", "agent1")):
        before = env.snapshot()
        observations, *_, infos = env.step({"agent_1": AgentAction("speak", "psst", to)})
        assert f"recipient {to[-1]!r} has left" in infos["agent_1"]["note"]
        assert observations["agent_2"]["text"] == ""
        assert env.invalid_moves == [0, 1, 0]
        env.restore(before)


@pytest.mark.parametrize(
    "words",
    [
        "<p viewer='agent_1'>psst</p> 3 < 5 & <b>bold</b>",
        "</root> and on",
        "<!DOCTYPE r [<!ENTITY a 'boom'>]><r>&a;</r>",
    ],
)
def test_b20_utterances_are_delivered_verbatim_to_every_permitted_seat(words: str) -> None:
    env = started("A", "B", "C", action_order="simultaneous")
    observations, *_ = env.step(dict.fromkeys(env.agents, words))
    for number, (seat, observation) in enumerate(observations.items()):
        others = [f'{name} said: "{words}"' for n, name in enumerate("ABC") if n != number]
        assert observation["text"].split("\n") == others
        assert env.history(seat).count(words) == 3


# -- turns ---------------------------------------------------------------------------------------


def test_b16_round_robin_of_two_who_always_speak() -> None:
    env = parallel_env(talk("A", "B"), max_turns=4)
    observations, _ = env.reset(seed=0)
    assert [o["actions"].tolist() for o in observations.values()] == [[1] * 5, [1, 0, 0, 0, 0]]
    told = []
    for turn in range(1, 5):
        observations, _, terminations, truncations, _ = env.step(
            {seat: f"turn {turn} of {seat}" for seat in env.agents}
        )
        assert {o["turn"] for o in observations.values()} == {turn}
        on_turn = (turn - 1) % 2
        speaker, listener = f"agent_{on_turn}", f"agent_{1 - on_turn}"
        assert observations[speaker]["text"] == ""
        assert observations[listener]["text"] == f'{"AB"[on_turn]} said: "turn {turn} of {speaker}"'
        assert not any(terminations.values())
        assert set(truncations.values()) == {turn == 4}
        told.append(env.transcript.ending)
    assert told == ["", "", "", "The conversation is too long; "]
    acted = [t.seat for t in env.transcript.turns if not t.masked]
    assert acted == ["agent_0", "agent_1"] * 2


def test_b17_without_a_rule_nothing_ends_and_silence_ends_after_the_third_turn() -> None:
    env = started("A", "B", action_order="simultaneous", max_turns=500, max_stale_turns=None)
    for _ in range(499):
        env.step(dict.fromkeys(env.agents, NONE))
    assert env.agents
    for order in ("simultaneous", "round-robin"):
        env = started("A", "B", action_order=order)
        steps = 0
        while env.agents:
            env.step(dict.fromkeys(env.turn_order, NONE))
            steps += 1
        assert steps == 3  # the original counts messages: 2 where both are silent at once
        assert env.transcript.ending == "The conversation stales for too long; "


def test_b18_leaving_is_final_and_mistakes_of_the_caller_are_told_before_anything_happens() -> None:
    env = started("A", "B", "C")
    env.step({"agent_0": LEAVE})
    assert env.agents == ["agent_1", "agent_2"]
    before = env.snapshot()
    for actions, complaint in (
        ({"Zed": SPEAK, "agent_1": SPEAK}, "no action expected of 'Zed'"),
        ({"agent_0": SPEAK, "agent_1": SPEAK}, "no action expected of 'agent_0'"),
        ({}, "agent_1 is on turn and has no action"),
    ):
        with pytest.raises(ActionError, match=complaint):
            env.step(actions)
    assert repr(env.snapshot()) == repr(before)
    env.step({"agent_1": SPEAK})
    env.step({"agent_2": LEAVE})
    assert env.transcript.outcome == "left"


@pytest.mark.parametrize("order", ["round-robin", "simultaneous", "random", "agent-chosen"])
@pytest.mark.parametrize("stale", [None, 2])
def test_b23_pettingzoo_s_test_passes_in_every_configuration(order: str, stale: int | None) -> None:
    people = [AgentProfile(first_name=f"Agent{n}", last_name="Doe") for n in "AB"]
    profile = EnvironmentProfile(scenario="test", agent_goals=("a", "b"))
    for most in (1, 5, 50):
        env = parallel_env(
            profile, agents=people, action_order=order, max_turns=most, max_stale_turns=stale
        )
        parallel_api_test(env, num_cycles=60)
        assert env.agents == []


# -- the rule of termination ---------------------------------------------------------------------


def comments(
    script: list[dict[str, AgentAction]], counting: Counting, most: int = 20, stale: int = 2
) -> list[str]:
    """What the rule says after each turn of a script, in an environment that never ends."""
    order = "simultaneous" if len(script[0]) == 2 else "round-robin"
    env = started("A", "B", action_order=order, max_turns=100, max_stale_turns=None)
    rule = RuleBasedTermination(most, stale, counting=counting)
    said = []
    for actions in script:
        if not env.agents:
            break
        env.step(actions)
        said.append(rule.evaluate(env.transcript).terminated or "")
    return said


TOO_LONG = "The conversation is too long; "
STALE = "The conversation stales for too long; "
BOTH_SILENT = {"agent_0": NONE, "agent_1": NONE}


def test_b1_the_rule_by_its_own_examples() -> None:
    def once(actions: dict[str, AgentAction]) -> str:
        return comments([actions], "messages", most=2, stale=5)[0]

    env = started("A", "B")
    assert RuleBasedTermination(2, 5).evaluate(env.transcript).terminated == ""
    env.transcript.turn = 3
    assert RuleBasedTermination(2, 5).evaluate(env.transcript).terminated == TOO_LONG
    assert once({"agent_0": LEAVE, "agent_1": NONE}) == "Too few active agents; "
    assert once({"agent_0": SPEAK, "agent_1": LEAVE}) == "Too few active agents; "
    three = comments([BOTH_SILENT] * 3, "messages", most=2, stale=5)
    assert three[-1] == TOO_LONG + STALE


def rounds(*turns: AgentAction) -> list[dict[str, AgentAction]]:
    """A round-robin script; seats alternate."""
    return [{f"agent_{n % 2}": action} for n, action in enumerate(turns)]


@pytest.mark.parametrize(
    ("script", "counting", "ends_at"),
    [
        (rounds(NONE, NONE, NONE, NONE), "messages and masks", 2),
        (rounds(NONE, NONE, NONE, NONE), "messages", 3),
        (rounds(NONE, NONE, NONE, NONE), "turns", 3),
        (rounds(SPEAK, NONE, SPEAK, SPEAK), "messages and masks", 2),
        (rounds(NONE, SPEAK, SPEAK, SPEAK), "messages and masks", None),
        (rounds(SPEAK, SPEAK, NONE, SPEAK), "messages and masks", None),
        (rounds(NONE, SPEAK, NONE, SPEAK), "messages and masks", None),
        ([BOTH_SILENT] * 4, "messages and masks", 2),
        ([BOTH_SILENT] * 4, "messages", 2),
        ([BOTH_SILENT] * 4, "turns", 3),
        ([{"agent_0": SPEAK, "agent_1": NONE}] * 4, "messages and masks", None),
    ],
)
def test_b26_silence_in_the_three_ways_of_counting(
    script: list[dict[str, AgentAction]], counting: Counting, ends_at: int | None
) -> None:
    said = comments(script, counting)
    ended = next((turn for turn, text in enumerate(said, start=1) if text), None)
    assert ended == ends_at
    if ended is not None:
        assert said[ended - 1] == STALE


def test_b27_the_two_agent_original_names_who_is_leaving() -> None:
    second = rounds(SPEAK, LEAVE)
    assert comments(second, "messages and masks")[-1] == "Agent 2 is leaving; "
    first = rounds(SPEAK, SPEAK, LEAVE)
    assert comments(first, "messages and masks")[-1] == "Agent 1 is leaving; "
    assert comments(first, "turns")[-1] == "Too few active agents; "
