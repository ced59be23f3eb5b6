"""Actions as JSON and in words: both published wordings, every character of what was said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sotopia_env import AgentAction
from sotopia_env.actions import ACTION_TYPES, in_words
from sotopia_env.errors import FormatError
from sotopia_env.formats import action_in_words, action_of_words, read_action, write_action

NAMES = st.sampled_from(["Zoë D'Arcy", 'Jo "J" Bell', "Jean-Luc van der Berg", "A\\'], ['B", "]"])
ACTIONS = st.builds(
    AgentAction,
    st.sampled_from(["speak", "action", "non-verbal communication"]),
    st.one_of(
        st.text(max_size=40),
        st.sampled_from(['"', "did nothing", 'left the conversation"', ' said: "x"', "a\n\nb\n"]),
    ),
    st.lists(NAMES, max_size=2, unique=True).map(tuple),
)


def action(**changes: Any) -> dict[str, Any]:
    return {"action_type": "speak", "argument": "hi", "to": [], **changes}


def test_an_action_is_read_from_its_json_and_written_to_it() -> None:
    assert read_action(action()) == AgentAction("speak", "hi")
    assert read_action(json.dumps(action(to=["Ann"]))) == AgentAction("speak", "hi", ("Ann",))
    text = '{"action_type": "leave", "argument": "", "to": []}'
    assert json.dumps(write_action(read_action(text))) == text


def test_b19_an_action_of_the_published_data_has_no_recipients_and_is_public() -> None:
    assert read_action('{"action_type":"none","argument":""}') == AgentAction("none", "", ())


def test_b19_blanks_around_the_type_are_dropped() -> None:
    assert read_action(action(action_type=" speak ")).action_type == "speak"


def test_b19_an_unknown_field_is_refused() -> None:
    with pytest.raises(FormatError, match="unknown key 'mood'; use action_type, argument, to"):
        read_action(action(mood="sad"))


def test_b19_an_integer_is_a_type_only_where_it_is_said_what_it_counts_through() -> None:
    with pytest.raises(ValueError, match="action_type: 1 is none; use one of none, speak"):
        read_action(action(action_type=1))
    kinds = ["none", "speak"]
    assert read_action(action(action_type=1), available_action_types=kinds).action_type == "speak"
    for wrong in (2, -1, True, 1.0):
        with pytest.raises(FormatError, match="is none"):
            read_action(action(action_type=wrong), available_action_types=kinds)


def test_b9_a_recipient_must_be_somebody_else_who_takes_part() -> None:
    names = ["agent1", "agent2"]
    for wrong in ("invalid_agent", "agent1"):
        with pytest.raises(ValueError, match="Invalid recipient") as refused:
            read_action(action(to=[wrong]), agent_names=names, sender="agent1")
        told = f"Invalid recipient(s) in 'to': ['{wrong}']. Allowed: ['agent2']."
        assert told in str(refused.value)
    read = read_action(action(to=["agent2"]), agent_names=names, sender="agent1")
    assert read.to == ("agent2",)
    assert read_action(action(to=["agent1"]), agent_names=names).to == ("agent1",)
    assert read_action(action(to=["anybody"])).to == ("anybody",)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{", "no complete JSON"),
        ("3", "an object is expected"),
        ({"argument": "hi"}, "key 'action_type' is missing"),
        ({"action_type": "speak"}, "key 'argument' is missing"),
        (action(action_type="shout"), "action_type: 'shout' is none"),
        (action(argument=None), "argument: text is expected, got None"),
        (action(to=None), "to: a list of names is expected, got None; use"),
        (action(to="Ann"), "to: a list of names is expected"),
        (action(to=[1]), "to: a list of names is expected"),
    ],
)
def test_what_is_no_action_is_refused_with_the_reason(value: Any, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_action(value)


@pytest.mark.parametrize(
    "reply",
    [
        '{"action_type": {"value": "speak"}, "argument": {"value": "a, ]"}, "to": {"value": []}}',
        '{"properties": {"action_type": "speak", "argument": "a, ]", "to": []}}',
        '```json\n{"action_type": "speak", "argument": "a, ]", "to": [],}\n```',
        '{"action_type": "speak", "argument": "a, ]", "to": [ ], }',
        '{"action_type": "speak", "argument": "a, ]"}```',
    ],
)
def test_b22_wrappers_fences_and_trailing_commas_of_a_model_are_taken_off(reply: str) -> None:
    assert read_action(reply) == AgentAction("speak", "a, ]")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("did nothing", "none"),
        ('said: "arg"', "speak"),
        ("[non-verbal communication] arg", "non-verbal communication"),
        ("[action] arg", "action"),
        ("left the conversation", "leave"),
    ],
)
def test_b19_the_words_for_the_five_types_are_read_in_both_wordings(text: str, kind: Any) -> None:
    argument = "arg" if "arg" in text else ""
    expected = AgentAction(kind, argument)
    assert action_of_words(text) == action_of_words(f" {text}") == expected
    private = f"[private to ['X', 'Y']] {text}"
    assert action_of_words(private) == AgentAction(kind, argument, ("X", "Y"))
    assert action_of_words(f"[private to ['X', 'Y']]  {text}") == action_of_words(private)
    assert action_in_words(expected) == text
    assert action_in_words(expected, "multi-agent") == f" {text}"
    told = expected._replace(to=("X", "Y"))
    assert action_in_words(told, "multi-agent") == f"[private to ['X', 'Y']]  {text}"
    assert {text for kind in ACTION_TYPES for text in [in_words(AgentAction(kind, "arg"))]} >= {
        text
    }


def test_b8_the_strings_of_private_and_public_speech_are_read() -> None:
    whisper = "[private to ['agent2']]  said: \"psst only for agent2\""
    assert action_of_words(whisper) == AgentAction("speak", "psst only for agent2", ("agent2",))
    assert action_of_words(' said: "hi all"') == AgentAction("speak", "hi all")


def test_f4_what_somebody_says_is_never_taken_for_what_somebody_does() -> None:
    for words in ("I did nothing wrong!", "left the conversation", '[action] "said:'):
        assert action_of_words(f'said: "{words}"') == AgentAction("speak", words)
        assert action_of_words(f"[action] {words}") == AgentAction("action", words)


@given(made=ACTIONS)
def test_any_action_comes_back_from_its_words_and_from_its_json(made: AgentAction) -> None:
    assert action_of_words(action_in_words(made)) == made
    assert action_of_words(action_in_words(made, "multi-agent")) == made
    assert action_of_words(in_words(made)) == made
    assert read_action(json.dumps(write_action(made))) == made


@pytest.mark.parametrize("text", ["", "did nothing wrong", 'said: "', "said: hi", "[deed] x", "Hi"])
def test_words_in_no_published_form_are_refused(text: str) -> None:
    with pytest.raises(FormatError, match="is no action; write said:"):
        action_of_words(text)
