"""Contexts that only grow, short prompts by hand, and replies that are actions."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sales import sale

from sotopia_env import parallel_env
from sotopia_env.episode import Message, Turn
from sotopia_env.prompts import INSTRUCTIONS, Conversation, PromptStyle, brief, read_reply

SALE = sale()


def conversations(style: PromptStyle, *said: str) -> list[list[Message]]:
    """The messages of seat 0 after each step of a play of both seats."""
    env = parallel_env(SALE, reward=None)
    observations, infos = env.reset(seed=0)
    own = Conversation("agent_0", style)
    grown = []
    for words in said:
        (seat,) = env.turn_order
        if seat == "agent_0":
            own.observe(observations[seat], infos[seat])
            own.reply(env.turn, words)
            grown.append(list(own.messages))
        observations, *_, infos = env.step({seat: words})
    return grown


def test_the_chat_style_begins_with_instructions_and_background() -> None:
    (first, second) = conversations("chat", "OFFER 80\nHello.", "Too much!", "OFFER 70")
    assert [message.role for message in second] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert second[0].content == INSTRUCTIONS
    assert "Scenario: A lamp is for sale.\nParticipants: Ada and Bram\n" in second[1].content
    assert second[2].content == "OFFER 80\nHello."
    assert second[3].content == 'Bram said: "Too much!"'
    assert second[: len(first)] == first


def test_the_brief_style_is_numbers_and_words() -> None:
    (first, second) = conversations("brief", "OFFER 80\nHello.", "OFFER 30", "OFFER 70")
    assert [message.content for message in first] == [
        "seller limit 40 goal 80 6:",
        "OFFER 80\nHello.",
    ]
    assert [message.content for message in second[2:]] == ["4: OFFER 30", "OFFER 70"]


def test_the_brief_style_holds_what_was_wrong_and_what_was_heard() -> None:
    env = parallel_env(SALE, reward=None, action_order="simultaneous")
    env.reset(seed=0)
    observations, *_, infos = env.step({"agent_0": "OFFER 900", "agent_1": "Hm."})
    text = brief(observations["agent_0"], infos["agent_0"], first=False)
    assert text == "5: Hm. Your last move does not count: 900 is outside 1 to 100."


def test_the_brief_style_without_a_game_is_the_observation() -> None:
    assert brief({"text": "Hello.", "turn": 0}, {"heard": ()}, first=True) == "Hello."


def test_silence_is_written_down_in_the_chat_style() -> None:
    own = Conversation("agent_0")
    own.observe({"text": "Background.", "turn": 0}, {})
    new = own.observe({"text": "", "turn": 1}, {})
    assert [message.content for message in new] == ["(nobody spoke)"]


@given(
    st.sampled_from(["chat", "brief"]),
    st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=6),
)
def test_a_context_is_only_appended_to(style: PromptStyle, heard: list[tuple[str, str]]) -> None:
    own = Conversation("agent_0", style)
    before: list[Message] = []
    for turn, (text, answer) in enumerate(heard):
        new = own.observe({"text": text, "turn": turn}, {})
        assert own.messages == before + new
        prompt = list(own.messages)
        own.reply(turn, answer)
        assert own.messages[:-1] == prompt
        decision = own.decisions[-1]
        assert decision.prompt_end == len(prompt)
        assert own.messages[decision.prompt_end] == Message(role="assistant", content=answer)
        before = list(own.messages)
    record = own.record()
    assert record.messages == tuple(before)
    assert record.token_ids is None


def test_tokens_are_recorded_with_their_spans() -> None:
    own = Conversation("agent_0")
    own.observe({"text": "Hi.", "turn": 0}, {})
    own.token_ids += [1, 2, 3, 4, 5]
    own.reply(0, "Hello.", token_span=(3, 5), logprobs=(-0.5, -1.0))
    assert own.record().token_ids == (1, 2, 3, 4, 5)
    assert own.decisions[0].token_span == (3, 5)
    assert own.decisions[0].logprobs == (-0.5, -1.0)


def test_a_returned_record_does_not_grow() -> None:
    own = Conversation("agent_0")
    own.observe({"text": "Hi.", "turn": 0}, {})
    record = own.record()
    own.reply(0, "Hello.")
    assert len(record.messages) == 2


# -- replies -------------------------------------------------------------------------------------


def test_a_json_object_with_an_action_type_is_that_action() -> None:
    action = {"action_type": "leave", "argument": "Bye.", "to": []}
    assert read_reply(f"  {json.dumps(action)}\n") == action


@pytest.mark.parametrize(
    "text",
    [
        "Hello.",
        "",
        "{",
        "{}",
        "{braces}",
        '{"argument": "no type"}',
        '[{"action_type": "leave"}]',
        'I say {"action_type": "leave"}',
        '{"action_type": "leave"} {"action_type": "leave"}',
        "null",
    ],
)
def test_everything_else_is_speech_as_it_stands(text: str) -> None:
    assert read_reply(text) == text


@given(st.text(max_size=60) | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_reading_a_reply_never_raises(text: str) -> None:
    for reply in (text, "{" + text + "}", '{"action_type": ' + text + "}"):
        assert isinstance(read_reply(reply), str | dict)


@pytest.mark.parametrize("value", ["[" * 100_000 + "]" * 100_000, "9" * 5000])
def test_json_that_python_cannot_hold_is_speech(value: str) -> None:
    text = '{"action_type": ' + value + "}"
    assert read_reply(text) == text


@pytest.mark.parametrize("field", ["action_type", "to", "argument"])
@pytest.mark.parametrize("depth", [100, 700, 800, 850, 900])
def test_a_deeply_nested_reply_is_answered(field: str, depth: int) -> None:
    value = "[" * depth + "]" * depth
    fields = {"action_type": '"speak"', "argument": '"Hi."', "to": "[]", field: value}
    reply = read_reply("{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}")
    env = parallel_env(SALE, reward=None)
    env.reset(seed=0)
    env.step({"agent_0": reply})
    assert env.invalid_moves == [1, 0]


@pytest.mark.parametrize("value", ["shout", 9, None, ["speak"], {"a": 1}, True, 1.5])
def test_a_reply_with_an_unknown_action_type_is_answered_by_the_environment(value: Any) -> None:
    env = parallel_env(SALE, reward=None)
    env.reset(seed=0)
    reply = read_reply(json.dumps({"action_type": value, "argument": "Hi."}))
    env.step({"agent_0": reply})
    (turn,) = env.transcript.turns
    assert isinstance(turn, Turn)
    assert turn.invalid is not None
    assert "unknown action_type" in turn.invalid


@given(st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_no_reply_can_bring_the_environment_down(text: str) -> None:
    env = parallel_env(SALE, reward=None)
    env.reset(seed=0)
    for reply in (text, json.dumps({"action_type": "speak", "argument": text})):
        (seat,) = env.turn_order
        env.step({seat: read_reply(reply)})
    rng = np.random.default_rng(0)
    while env.agents:
        (seat,) = env.turn_order
        env.step({seat: env.sample_move(seat, rng)})
