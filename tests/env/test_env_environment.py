"""The parallel environment: turns, endings, who perceives what, bad input, seeds, snapshots."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sales import sale

from sotopia_env import AgentAction, AgentProfile, EnvironmentProfile, parallel_env, scenario_ids
from sotopia_env.actions import MAX_CHARACTERS
from sotopia_env.episode import Turn
from sotopia_env.errors import ActionError, ConfigurationError, ScenarioError

FAMILIES = ("price_negotiation", "resource_allocation")
ORDERS = ("round-robin", "simultaneous")
CANARIES = ("Sell it. CANARY-SELLER", "Buy it. CANARY-BUYER")
SPOKEN = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def talk(seats: int = 2) -> EnvironmentProfile:
    """Nothing but a conversation."""
    return EnvironmentProfile(
        scenario="Friends meet.",
        agent_goals=tuple(f"Find out. CANARY-{seat}" for seat in range(seats)),
        agent_names=("Ada", "Bram", "Cleo", "Dora")[:seats],
    )


def env_of(profile: EnvironmentProfile, **settings: Any) -> Any:
    env = parallel_env(profile, reward=None, **settings)
    env.reset(seed=0)
    return env


# -- turns ---------------------------------------------------------------------------------------


def test_seats_take_turns_in_round_robin() -> None:
    env = env_of(talk(3))
    order = []
    for _ in range(5):
        (seat,) = env.turn_order
        order.append(seat)
        env.step({seat: "Hm."})
    assert order == ["agent_0", "agent_1", "agent_2", "agent_0", "agent_1"]


def test_all_seats_act_at_once_in_the_simultaneous_order() -> None:
    env = env_of(talk(3), action_order="simultaneous")
    assert env.turn_order == ("agent_0", "agent_1", "agent_2")
    observations, *_ = env.step({"agent_0": "One.", "agent_1": "Two.", "agent_2": "Three."})
    assert observations["agent_0"]["text"] == 'Bram said: "Two."\nCleo said: "Three."'
    assert observations["agent_2"]["text"] == 'Ada said: "One."\nBram said: "Two."'
    assert [turn.number for turn in env.transcript.turns] == [0, 0, 0]


@pytest.mark.parametrize("order", ORDERS)
def test_the_mask_lets_the_seats_on_turn_do_anything_and_the_others_nothing(order: str) -> None:
    env = parallel_env(talk(), reward=None, action_order=order)
    _, infos = env.reset(seed=0)
    while env.agents:
        for seat in env.agents:
            mask = infos[seat]["action_mask"]["action_type"]
            assert mask.tolist() == ([1] * 5 if seat in env.turn_order else [1, 0, 0, 0, 0])
        *_, infos = env.step(dict.fromkeys(env.turn_order, "Hm."))


def test_an_action_out_of_turn_becomes_none_and_is_flagged_and_not_counted() -> None:
    env = env_of(sale())
    observations, *_, infos = env.step({"agent_0": "OFFER 50", "agent_1": "OFFER 45"})
    assert infos["agent_1"]["off_turn"] is True
    assert "off_turn" not in infos["agent_0"]
    assert observations["agent_0"]["text"] == ""
    first, second = env.transcript.turns
    assert (first.seat, first.masked) == ("agent_0", False)
    assert second == Turn(0, "agent_1", AgentAction(), masked=True)
    assert env.invalid_moves == [0, 0]
    assert infos["agent_1"]["game"].partner_offer == 50
    assert infos["agent_1"]["game"].own_offer is None


@pytest.mark.parametrize("nothing", [AgentAction(), {"action_type": "none"}, {"action_type": 0}])
def test_doing_nothing_out_of_turn_is_not_flagged(nothing: Any) -> None:
    *_, infos = env_of(talk()).step({"agent_0": "Hello.", "agent_1": nothing})
    assert "off_turn" not in infos["agent_1"]


def test_the_turn_number_counts_turns_of_any_seat() -> None:
    env = env_of(talk())
    first, *_ = env.step({"agent_0": "Hello."})
    second, *_ = env.step({"agent_1": "Hello."})
    assert [first[seat]["turn"] for seat in env.agents] == [1, 1]
    assert [second[seat]["turn"] for seat in env.agents] == [2, 2]
    assert env.turn == 2


# -- mistakes of the caller ----------------------------------------------------------------------


def test_a_seat_on_turn_without_an_action_raises() -> None:
    with pytest.raises(ActionError, match="agent_0 is on turn and has no action"):
        env_of(talk()).step({"agent_1": "Hello."})


def test_an_unknown_seat_raises() -> None:
    with pytest.raises(ActionError, match=r"'agent_7'; seats now: agent_0, agent_1"):
        env_of(talk()).step({"agent_0": "Hello.", "agent_7": "Hello."})


@pytest.mark.parametrize("value", [None, 3, 2.5, b"hello", ["Hello."]])
def test_a_value_that_is_no_action_raises(value: Any) -> None:
    with pytest.raises(ActionError, match="an action is a str, a mapping or an AgentAction"):
        env_of(talk()).step({"agent_0": value})


@pytest.mark.parametrize("actions", [None, [], "Hello.", [("agent_0", "Hello.")], {"agent_0"}])
def test_actions_that_are_no_mapping_raise(actions: Any) -> None:
    env = env_of(talk())
    with pytest.raises(ActionError, match="step takes a mapping of seats to actions, got"):
        env.step(actions)
    assert env.turn == 0


def test_a_step_before_reset_raises() -> None:
    env = parallel_env(talk(), reward=None)
    with pytest.raises(ActionError, match=r"call reset\(\)"):
        env.step({"agent_0": "Hello."})


def test_a_step_after_the_end_raises() -> None:
    env = env_of(talk(), max_turns=1)
    env.step({"agent_0": "Hello."})
    with pytest.raises(ActionError, match="the episode is over"):
        env.step({"agent_1": "Hello."})


def test_a_refused_call_leaves_the_episode_where_it_was() -> None:
    env = env_of(sale())
    env.step({"agent_0": "OFFER 50"})
    for actions in ({}, {"agent_0": "Hi."}, {"agent_1": 3}, {"agent_1": "Hi.", "nobody": "Hi."}):
        with pytest.raises(ActionError):
            env.step(actions)
    assert env.turn == 1
    assert len(env.transcript.turns) == 1
    assert env.turn_order == ("agent_1",)


# -- forms of an action --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [
        "Hello.",
        AgentAction("speak", "Hello."),
        AgentAction("speak", "Hello.", []),
        {"action_type": "speak", "argument": "Hello."},
        {"action_type": "speak", "argument": "Hello.", "to": []},
        {"action_type": 1, "argument": "Hello.", "to": [0, 0]},
        {
            "action_type": np.int64(1),
            "argument": "Hello.",
            "to": np.zeros(2, dtype=np.int8),
        },
    ],
)
def test_every_form_of_an_utterance_is_heard_alike(action: Any) -> None:
    env = env_of(talk())
    observations, *_, infos = env.step({"agent_0": action})
    assert observations["agent_1"]["text"] == 'Ada said: "Hello."'
    assert infos["agent_1"]["heard"] == tuple(env.transcript.turns)


@pytest.mark.parametrize(
    ("action", "perceived"),
    [
        (AgentAction("non-verbal communication", "nods"), "Ada [non-verbal communication] nods"),
        (AgentAction("action", "opens the door"), "Ada [action] opens the door"),
        (AgentAction("none", "unseen"), ""),
    ],
)
def test_other_kinds_of_actions_are_perceived_as_what_they_are(
    action: AgentAction, perceived: str
) -> None:
    observations, *_ = env_of(talk()).step({"agent_0": action})
    assert observations["agent_1"]["text"] == perceived


@given(st.data())
def test_every_sample_of_the_action_space_can_be_played(data: st.DataObject) -> None:
    env = env_of(sale(), action_order=data.draw(st.sampled_from(ORDERS)))
    for index, seat in enumerate(env.possible_agents):
        env.action_space(seat).seed(data.draw(st.integers(0, 2**31)) + index)
    while env.agents:
        observations, *_ = env.step({seat: env.action_space(seat).sample() for seat in env.agents})
        for seat, observation in observations.items():
            assert env.observation_space(seat).contains(observation)


@pytest.mark.parametrize(
    ("action", "counts"),
    [
        (AgentAction("action", "OFFER 50"), True),
        (AgentAction("action", "\nOFFER 50\n"), True),
        (AgentAction("action", "final_bid: 50."), True),
        (AgentAction("action", "shrugs and writes\nOFFER 50\non the board"), False),
        (AgentAction("action", "He nods slowly. FINAL_BID: 50"), False),
        (AgentAction("action", "FINAL_BID: 50. And he smiles."), False),
        (AgentAction("speak", "I see.\nOFFER 50"), True),
        (AgentAction("speak", "OFFER 50", ("Bram",)), True),
        (AgentAction("speak", "OFFER 50", ("agent_1", "agent_0")), True),
        (AgentAction("speak", "OFFER 50", ("agent_0",)), False),
        (AgentAction("non-verbal communication", "OFFER 50"), False),
    ],
)
def test_a_move_is_public_and_an_action_is_nothing_but_the_move(
    action: AgentAction, counts: bool
) -> None:
    env = env_of(sale())
    *_, infos = env.step({"agent_0": action})
    assert (infos["agent_1"]["game"].partner_offer == 50) is counts
    is_attempt = not counts and action.action_type in ("speak", "action")
    assert ("note" in infos["agent_0"]) is is_attempt
    assert env.invalid_moves == [int(is_attempt), 0]


def test_nothing_can_be_asked_before_the_first_reset() -> None:
    env = parallel_env(sale(), reward=None)
    for ask in (env.snapshot, env.render, env.solution, lambda: env.history("agent_0")):
        with pytest.raises(ActionError, match=r"call reset\(\)"):
            ask()


# -- what a policy gets wrong --------------------------------------------------------------------

UNREADABLE = [
    ({"action_type": "shout", "argument": "Hi."}, "unknown action_type 'shout'"),
    ({"action_type": 9}, "unknown action_type 9"),
    ({"action_type": -1}, "unknown action_type -1"),
    ({"action_type": True}, "unknown action_type True"),
    ({"action_type": None}, "unknown action_type None"),
    ({"action_type": np.array([1, 2])}, "unknown action_type ndarray"),
    (AgentAction("shout", "Hi."), "unknown action_type 'shout'"),
    ({"action_type": "speak", "argument": 3}, "argument must be text, got int"),
    (AgentAction("speak", None), "argument must be text, got NoneType"),
    (AgentAction("speak", "Hi.", None), "to must be a list of recipients, got None"),
    (AgentAction("speak", "Hi.", "Bram"), "to must be a list of recipients, got 'Bram'"),
    (AgentAction("speak", "Hi.", {"Bram": 1}), "to must be a list of recipients, got dict"),
    (AgentAction("speak", "Hi.", (["Bram"],)), "to must hold names, or one 0/1"),
    (AgentAction("speak", "Hi.", ("Bram", 1)), "to must hold names, or one 0/1"),
    ({"action_type": "speak", "argument": "Hi.", "to": [["Bram"]]}, "to must hold names, or one"),
    ({"action_type": "speak", "argument": "Hi.", "to": None}, "to must be a list of recipients"),
    ({"action_type": "speak", "text": "Hi."}, "unknown fields ['text']"),
    ({"action_type": "speak", 1: 2, None: 3}, "unknown fields ['1', 'None']"),
    ({"action_type": "speak", "argument": "Hi.", "to": ["Zeno"]}, "unknown recipient 'Zeno'"),
    ({"action_type": "speak", "argument": "Hi.", "to": "Bram"}, "to must be a list of recipients"),
    ({"action_type": "speak", "argument": "Hi.", "to": [0, 2]}, "to must hold names, or one 0/1"),
    ({"action_type": "speak", "argument": "Hi.", "to": [1]}, "to must hold names, or one 0/1"),
    ({"action_type": "speak", "argument": "Hi.", "to": [True, 0]}, "to must hold names, or one"),
    ({"action_type": "speak", "argument": "Hi.", "to": [0.0, 1.0]}, "to must hold names, or one"),
    ({"action_type": 1, "to": np.array([0, 2], dtype=np.int8)}, "to must hold names, or one 0/1"),
    ({"action_type": 1, "to": np.zeros(3, dtype=np.int8)}, "to must hold names, or one 0/1"),
    ("x" * (MAX_CHARACTERS + 1), "the text has 20001 characters, more than 20000"),
    ({"action_type": "speak", "argument": "x" * 1_000_000}, "the text has 1000000 characters"),
    ("half \ud83d", "the text holds half of a surrogate pair"),
]


@pytest.mark.parametrize(("action", "why"), UNREADABLE)
def test_an_unreadable_action_is_recorded_and_answered(action: Any, why: str) -> None:
    env = env_of(sale())
    observations, *_, infos = env.step({"agent_0": action})
    (turn,) = env.transcript.turns
    assert turn.invalid is not None
    assert turn.invalid.startswith(why)
    assert turn.action == AgentAction()
    assert env.invalid_moves == [1, 0]
    note = f"Your last move does not count: {turn.invalid}."
    assert observations["agent_0"]["text"] == note
    assert infos["agent_0"]["note"] == note
    assert observations["agent_1"]["text"] == ""
    assert "note" not in infos["agent_1"]


def test_an_illegal_move_is_heard_but_does_not_count() -> None:
    env = env_of(sale())
    observations, *_, infos = env.step({"agent_0": "OFFER 400"})
    (turn,) = env.transcript.turns
    assert turn.move is None
    assert turn.invalid == "400 is outside 1 to 100"
    assert observations["agent_1"]["text"] == 'Ada said: "OFFER 400"'
    assert infos["agent_1"]["game"].partner_offer is None
    assert env.invalid_moves == [1, 0]


def test_the_corrective_line_is_given_once() -> None:
    env = env_of(sale())
    first, *_ = env.step({"agent_0": "OFFER 400"})
    second, *_, infos = env.step({"agent_1": "Well?"})
    assert "400 is outside 1 to 100" in first["agent_0"]["text"]
    assert second["agent_0"]["text"] == 'Bram said: "Well?"'
    assert "note" not in infos["agent_0"]


def test_moves_are_read_from_speech_and_actions_only() -> None:
    for kind, move in (("speak", "OFFER 50"), ("action", "OFFER 50"), ("none", None)):
        env = env_of(sale())
        env.step({"agent_0": {"action_type": kind, "argument": "OFFER 50"}})
        assert env.transcript.turns[0].move == move


def test_an_empty_utterance_is_an_utterance() -> None:
    env = env_of(sale())
    observations, *_ = env.step({"agent_0": ""})
    assert observations["agent_1"]["text"] == 'Ada said: ""'
    assert env.invalid_moves == [0, 0]


# -- endings -------------------------------------------------------------------------------------


def test_the_turn_limit_truncates() -> None:
    env = env_of(talk(), max_turns=2)
    env.step({"agent_0": "Hello."})
    _, rewards, terminations, truncations, _ = env.step({"agent_1": "Hello."})
    assert truncations == {"agent_0": True, "agent_1": True}
    assert terminations == {"agent_0": False, "agent_1": False}
    assert rewards == {"agent_0": 0.0, "agent_1": 0.0}
    assert env.agents == []
    assert env.turn_order == ()
    assert env.transcript.outcome == "turn limit"


def test_an_agreement_terminates() -> None:
    env = env_of(sale())
    env.step({"agent_0": "OFFER 50"})
    _, _, terminations, truncations, _ = env.step({"agent_1": "ACCEPT"})
    assert terminations == {"agent_0": True, "agent_1": True}
    assert truncations == {"agent_0": False, "agent_1": False}
    assert env.transcript.outcome == "agreement"
    assert [turn.move for turn in env.transcript.turns] == ["OFFER 50", "ACCEPT"]


def test_the_deadline_of_a_game_terminates_even_at_the_turn_limit() -> None:
    env = env_of(sale(deadline=2), max_turns=2)
    env.step({"agent_0": "Hello."})
    _, _, terminations, truncations, _ = env.step({"agent_1": "Hello."})
    assert terminations == {"agent_0": True, "agent_1": True}
    assert truncations == {"agent_0": False, "agent_1": False}
    assert env.transcript.outcome == "no agreement"


def test_of_two_seats_one_that_leaves_ends_the_episode() -> None:
    env = env_of(sale())
    observations, _, terminations, truncations, _ = env.step({"agent_0": AgentAction("leave")})
    assert terminations == {"agent_0": True, "agent_1": True}
    assert truncations == {"agent_0": False, "agent_1": False}
    assert observations["agent_1"]["text"] == "Ada left the conversation"
    assert env.transcript.outcome == "left"
    assert env.transcript.left == ("agent_0",)


def test_of_three_seats_one_that_leaves_terminates_alone_and_is_passed_over() -> None:
    env = env_of(talk(3))
    env.step({"agent_0": "Hello."})
    observations, _, terminations, _, _ = env.step({"agent_1": AgentAction("leave")})
    assert terminations == {"agent_0": False, "agent_1": True, "agent_2": False}
    assert set(observations) == {"agent_0", "agent_1", "agent_2"}
    assert env.agents == ["agent_0", "agent_2"]
    order = []
    for _ in range(3):
        (seat,) = env.turn_order
        order.append(seat)
        observations, *_ = env.step({seat: "Hm."})
        assert set(observations) == {"agent_0", "agent_2"}
    assert order == ["agent_2", "agent_0", "agent_2"]
    with pytest.raises(ActionError, match="'agent_1'"):
        env.step({"agent_0": "Hm.", "agent_1": "I am back."})


def test_a_leaver_is_terminated_where_the_others_are_truncated() -> None:
    env = env_of(talk(3), max_turns=1)
    _, _, terminations, truncations, _ = env.step({"agent_0": AgentAction("leave")})
    assert terminations == {"agent_0": True, "agent_1": False, "agent_2": False}
    assert truncations == {"agent_0": False, "agent_1": True, "agent_2": True}


def test_everybody_may_leave_at_once() -> None:
    env = env_of(talk(3), action_order="simultaneous")
    _, _, terminations, _, _ = env.step(dict.fromkeys(env.agents, AgentAction("leave")))
    assert all(terminations.values())
    assert env.transcript.outcome == "left"
    assert env.transcript.left == ("agent_0", "agent_1", "agent_2")


# -- who perceives what --------------------------------------------------------------------------


@given(SPOKEN)
def test_words_are_delivered_byte_for_byte(text: str) -> None:
    env = env_of(talk())
    observations, *_, infos = env.step({"agent_0": text})
    assert observations["agent_1"]["text"] == f'Ada said: "{text}"'
    assert infos["agent_1"]["heard"][0].action.argument == text
    assert env.history("agent_1").endswith(f'Ada said: "{text}"')


@pytest.mark.parametrize("order", ORDERS)
def test_no_seat_is_ever_shown_the_goal_or_the_values_of_another(order: str) -> None:
    env = parallel_env(sale(goals=CANARIES, reservations=(37, 73)), reward=None, action_order=order)
    observations, infos = env.reset(seed=0)
    says = iter(["OFFER 50", "OFFER 5000", "I wonder.", "REJECT", "Hm.", "Hm."])
    while True:
        for seat, own, other in (("agent_0", "SELLER", "BUYER"), ("agent_1", "BUYER", "SELLER")):
            shown = repr([observations[seat], infos[seat]])
            assert f"CANARY-{other}" not in shown + env.history(seat)
            assert ("73" if own == "SELLER" else "37") not in shown + env.history(seat)
            assert f"CANARY-{own}" in env.history(seat)
        if not env.agents:
            break
        words = next(says)
        observations, *_, infos = env.step(dict.fromkeys(env.turn_order, words))


def test_a_first_observation_holds_scenario_people_and_own_goal() -> None:
    env = parallel_env(talk(3), reward=None)
    observations, infos = env.reset(seed=0)
    assert observations["agent_1"]["text"] == (
        "Here is the context of this interaction:\nScenario: Friends meet.\n"
        "Participants: Ada, Bram, and Cleo\nAda's goal: Unknown\n"
        "Bram's goal: Find out. CANARY-1\nCleo's goal: Unknown"
    )
    assert observations["agent_1"]["turn"] == 0
    assert observations["agent_1"]["actions"].tolist() == [1, 0, 0, 0, 0]
    assert (infos["agent_1"]["name"], infos["agent_1"]["goal"]) == ("Bram", "Find out. CANARY-1")


@pytest.mark.parametrize("to", [("Cleo",), ("agent_2",)])
def test_a_private_message_reaches_its_recipients_only(to: tuple[str, ...]) -> None:
    env = env_of(talk(3))
    whisper = AgentAction("speak", "CANARY-WHISPER", to)
    observations, *_, infos = env.step({"agent_0": whisper})
    assert observations["agent_2"]["text"] == "Ada [private to ['Cleo']] said: \"CANARY-WHISPER\""
    assert "CANARY-WHISPER" not in repr([observations["agent_1"], infos["agent_1"]])
    env.step({"agent_1": "Hm."})
    assert "CANARY-WHISPER" in env.history("agent_0")
    assert "CANARY-WHISPER" in env.history("agent_2")
    assert "CANARY-WHISPER" not in env.history("agent_1")


def test_a_private_farewell_tells_the_others_only_that_somebody_left() -> None:
    env = env_of(talk(3), action_order="simultaneous")
    farewell = AgentAction("leave", "CANARY-FAREWELL", ("Bram",))
    observations, *_, infos = env.step({"agent_0": farewell, "agent_1": "Hm.", "agent_2": "Hm."})
    for seat in ("agent_1", "agent_2"):
        assert "Ada left the conversation" in observations[seat]["text"]
        assert infos[seat]["heard"][0].seat == "agent_0"
    assert infos["agent_1"]["heard"][0].action == farewell
    assert infos["agent_2"]["heard"][0].action == AgentAction("leave")
    assert infos["agent_1"]["heard"][0].audience == ("agent_1",)
    assert infos["agent_2"]["heard"][0].audience is None  # nor to whom the farewell was said
    assert "CANARY-FAREWELL" not in env.history("agent_2")


def test_why_a_move_does_not_count_is_told_to_its_maker_alone() -> None:
    env = env_of(sale())
    observations, *_, infos = env.step({"agent_0": "OFFER 5000"})
    assert "5000 is outside" in infos["agent_0"]["note"]
    assert "5000 is outside" in env.transcript.turns[0].invalid
    assert observations["agent_1"]["text"] == 'Ada said: "OFFER 5000"'
    assert "outside" not in repr(infos["agent_1"])


def test_a_recipient_mask_names_the_seats_with_a_one() -> None:
    env = env_of(talk(3))
    env.step({"agent_0": {"action_type": 1, "argument": "Psst.", "to": np.array([0, 0, 1])}})
    (turn,) = env.transcript.turns
    assert (turn.action.to, turn.audience) == (("Cleo",), ("agent_2",))


def test_history_is_all_a_seat_perceived_from_the_start() -> None:
    env = parallel_env(talk(), reward=None)
    observations, _ = env.reset(seed=0)
    shown = observations["agent_1"]["text"]
    env.step({"agent_0": "Hello."})
    env.step({"agent_1": AgentAction("none")})
    env.step({"agent_0": AgentAction("action", "waits")})
    assert env.history("agent_1") == f'{shown}\nAda said: "Hello."\nAda [action] waits'


def test_characters_take_the_seats() -> None:
    people = [
        AgentProfile(first_name="Eve", last_name="Lind"),
        AgentProfile(first_name="Finn", last_name=""),
    ]
    env = parallel_env(sale(), reward=None, agents=people)
    observations, _ = env.reset(seed=0)
    assert (
        "Participants: Eve Lind and Finn\nEve Lind's background:" in observations["agent_0"]["text"]
    )


def test_render_gives_the_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    text = 'Friends meet.\nAda said: "Hello."\nBram did nothing'
    for mode in ("ansi", "human"):
        env = env_of(talk(), render_mode=mode)
        env.step({"agent_0": "Hello."})
        env.step({"agent_1": AgentAction("none")})
        rendered = env.render()
        assert rendered == (text if mode == "ansi" else None)
    assert capsys.readouterr().out == text + "\n"


# -- seeds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_the_seed_of_reset_is_the_number_of_the_instance(family: str) -> None:
    for split in ("train", "validation", "test"):
        env = parallel_env(family, split=split)
        env.reset(seed=11)
        assert env.transcript.profile.scenario_id == f"{family}/{split}/11"
        one = parallel_env(f"{family}/{split}/11")
        one.reset(seed=5)
        assert one.transcript.profile == env.transcript.profile


def test_an_instance_stays_the_same_for_every_seed() -> None:
    env = parallel_env("price_negotiation?difficulty=hard/test/3")
    seen = set()
    for seed in (None, 0, 1):
        env.reset(seed=seed)
        seen.add(env.transcript.profile.scenario_id)
    assert seen == {"price_negotiation?difficulty=hard/test/3"}


@pytest.mark.parametrize("scenario", ["price_negotiation", sale()], ids=["family", "fixed"])
def test_a_negative_seed_is_refused_at_once(scenario: Any) -> None:
    with pytest.raises(ConfigurationError, match="whole number from 0, got -1"):
        parallel_env(scenario).reset(seed=-1)


def stream(env: Any, first: int | None, count: int) -> Iterator[str]:
    for index in range(count):
        env.reset(seed=first if index == 0 else None)
        yield env.transcript.profile.scenario_id


def test_reset_without_a_seed_continues_the_stream() -> None:
    one = list(stream(parallel_env("price_negotiation"), 4, 6))
    other = list(stream(parallel_env("price_negotiation"), 4, 6))
    assert one == other
    assert len(set(one)) == 6


def test_an_environment_seeded_once_draws_the_same_stream() -> None:
    one = list(stream(parallel_env("price_negotiation", seed=9), None, 5))
    assert one == list(stream(parallel_env("price_negotiation", seed=9), None, 5))
    assert one != list(stream(parallel_env("price_negotiation", seed=10), None, 5))


# -- snapshots -----------------------------------------------------------------------------------


def rest_of(env: Any, rng: np.random.Generator) -> list[Any]:
    """Play random legal moves to the end, and once more from reset(): all that is returned."""
    returned: list[Any] = []
    while env.agents:
        returned.append(env.step({seat: env.sample_move(seat, rng) for seat in env.turn_order}))
    returned.append((env.transcript.turns[:], env.transcript.outcome, env.final_rewards))
    env.reset()
    returned.append(env.transcript.profile.scenario_id)
    return returned


@given(
    st.sampled_from(FAMILIES),
    st.sampled_from(ORDERS),
    st.integers(0, 2**31 - 1),
    st.integers(0, 8),
)
def test_a_restored_position_goes_on_exactly_as_before(
    family: str, order: str, seed: int, turns: int
) -> None:
    env = parallel_env(family, action_order=order)
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    for _ in range(turns):
        if env.agents:
            env.step({seat: env.sample_move(seat, rng) for seat in env.turn_order})
    snapshot = env.snapshot()
    kept = copy.deepcopy(snapshot)
    histories = [env.history(seat) for seat in env.possible_agents]
    first = rest_of(env, np.random.default_rng(1))
    other = parallel_env(family, action_order=order)
    for target in (env, other):
        target.restore(snapshot)
        assert [target.history(seat) for seat in target.possible_agents] == histories
        again = rest_of(target, np.random.default_rng(1))
        assert json.dumps(again, default=repr) == json.dumps(first, default=repr)
    assert repr(snapshot) == repr(kept)


def test_a_restored_leaver_stays_away() -> None:
    env = env_of(talk(3))
    env.step({"agent_0": AgentAction("leave")})
    snapshot = env.snapshot()
    env.step({"agent_1": AgentAction("leave")})
    assert env.agents == []
    env.restore(snapshot)
    assert env.agents == ["agent_1", "agent_2"]
    assert env.turn_order == ("agent_1",)
    assert env.transcript.left == ("agent_0",)
    assert env.transcript.outcome is None
    order = []
    for _ in range(4):
        order += env.turn_order
        env.step(dict.fromkeys(env.turn_order, "Hm."))
    assert order == ["agent_1", "agent_2", "agent_1", "agent_2"]


def test_branches_do_not_disturb_each_other() -> None:
    env = env_of(sale())
    env.step({"agent_0": "OFFER 400"})
    snapshot = env.snapshot()
    env.step({"agent_1": "OFFER 9000"})
    assert env.invalid_moves == [1, 1]
    env.restore(snapshot)
    assert env.invalid_moves == [1, 0]
    assert len(env.transcript.turns) == 1


# -- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error", "complaint"),
    [
        ({"scenario": "price_negotiatio"}, ScenarioError, "Did you mean 'price_negotiation'"),
        ({"scenario": "price_negotiation?level=3"}, ScenarioError, "unknown option"),
        ({"scenario": "price_negotiation/train"}, ScenarioError, "<train|validation|test>"),
        ({"scenario": "price_negotiation/exam/3"}, ScenarioError, "<train|validation|test>"),
        ({"scenario": "price_negotiation/train/x"}, ScenarioError, "<number>"),
        ({"split": "exam"}, ScenarioError, "unknown split 'exam'"),
        ({"action_order": "chaos"}, ConfigurationError, "unknown action_order 'chaos'"),
        ({"max_stale_turns": -1}, ConfigurationError, "max_stale_turns must be a whole number"),
        ({"visibility": "all"}, ConfigurationError, "unknown visibility 'all'"),
        ({"action_types": ["shout"]}, ConfigurationError, "unknown action type 'shout'"),
        ({"terminators": ["end"]}, ConfigurationError, "a terminator is an Evaluator, got 'end'"),
        ({"max_turns": "9"}, ConfigurationError, "a whole number from 1, got '9'"),
        ({"max_turns": 0}, ConfigurationError, "max_turns must be a whole number from 1, got 0"),
        ({"render_mode": "rgb_array"}, ConfigurationError, "unknown render_mode"),
        ({"reward": "fun"}, ConfigurationError, "Known: auto, share, utility, win"),
        ({"agents": [AgentProfile(first_name="Eve")]}, ScenarioError, "2 seats need as many"),
        ({"agents": ["Eve", "Bo"]}, ConfigurationError, "agents are AgentProfile objects, got ['E"),
        ({"reward": 3}, ConfigurationError, "reward is a name, an Evaluator or None, got 3"),
        ({"seed": -1}, ConfigurationError, "a seed is a whole number from 0, got -1"),
        (
            {"scenario": "price_negotiation?deadline=4&deadline=6"},
            ConfigurationError,
            "'price_negotiation?deadline=4&deadline=6' gives deadline twice",
        ),
    ],
)
def test_a_wrong_argument_is_answered_at_once(
    settings: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error) as caught:
        parallel_env(**{"scenario": "price_negotiation"} | settings)
    assert complaint in str(caught.value)


def test_only_a_snapshot_can_be_restored() -> None:
    env = env_of(sale())
    with pytest.raises(ActionError, match="takes what snapshot\\(\\) gave, got NoneType"):
        env.restore(None)


def test_a_reward_of_a_game_needs_a_game() -> None:
    with pytest.raises(ConfigurationError, match="needs a scenario with a verifiable game"):
        parallel_env(talk(), reward="share")


@pytest.mark.parametrize(
    ("profile", "complaint"),
    [
        (talk(3).model_copy(update={"agent_names": ("Ada", "Ada", "Bram")}), "stands twice"),
        (talk(3).model_copy(update={"agent_names": ("Ada", "Bram")}), "3 seats need"),
        (sale().model_copy(update={"agent_goals": ("a", "b", "c"), "agent_names": ()}), "2 seats"),
        (
            sale().model_copy(update={"game": sale().game.model_copy(update={"family": "chess"})}),
            "unknown game family 'chess'",
        ),
    ],
)
def test_a_scenario_that_does_not_fit_is_refused(
    profile: EnvironmentProfile, complaint: str
) -> None:
    with pytest.raises(ScenarioError, match=complaint):
        parallel_env(profile, reward=None)


def test_a_scenario_file_plays_like_its_profile(tmp_path: Path) -> None:
    path = tmp_path / "sale.json"
    path.write_text(sale().model_dump_json(), encoding="utf-8")
    for scenario in (path, str(path)):
        env = parallel_env(scenario)
        env.reset(seed=0)
        env.step({"agent_0": "OFFER 50"})
        _, rewards, *_ = env.step({"agent_1": "ACCEPT"})
        assert rewards == {"agent_0": 0.5, "agent_1": 0.5}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot read scenario file"),
        ("{", "Invalid JSON"),
        ("{}", "scenario: Field required"),
        ('{"scenario": "x", "goals": []}', "goals: Extra inputs"),
    ],
)
def test_an_unreadable_scenario_file_is_named(
    tmp_path: Path, content: str | None, complaint: str
) -> None:
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        parallel_env(path)
    assert "broken.json" in str(caught.value)
    assert complaint in str(caught.value)


def test_every_listed_scenario_can_be_played() -> None:
    assert set(scenario_ids()) >= set(FAMILIES)
    for name in scenario_ids():
        env = parallel_env(name)
        env.reset(seed=0)
        rng = np.random.default_rng(0)
        while env.agents:
            env.step({seat: env.sample_move(seat, rng) for seat in env.turn_order})
        assert env.transcript.outcome is not None
