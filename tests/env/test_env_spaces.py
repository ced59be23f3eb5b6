"""Text spaces: every text is inside, nothing else, and sampling is seeded."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from hypothesis import given
from hypothesis import strategies as st

from sotopia_env.actions import ACTION_TYPES, MAX_CHARACTERS
from sotopia_env.spaces import ActionSpace, AnyText, ObservationSpace


@given(st.text(max_size=50))
def test_any_text_is_inside(text: str) -> None:
    assert AnyText().contains(text)


@pytest.mark.parametrize("value", [None, 3, b"text", ["text"], ("text",), np.array("text")])
def test_what_is_no_text_is_outside(value: Any) -> None:
    assert not AnyText().contains(value)


def test_the_length_is_the_only_limit() -> None:
    space = AnyText(4)
    assert space.contains("")
    assert space.contains("\u2014\U0001f600\n\ud800")
    assert not space.contains("12345")


def test_samples_are_short_printable_and_seeded() -> None:
    one, other, third = AnyText(seed=1), AnyText(seed=1), AnyText(seed=2)
    drawn = [one.sample() for _ in range(50)]
    assert drawn == [other.sample() for _ in range(50)]
    assert drawn != [third.sample() for _ in range(50)]
    assert all(1 <= len(text) <= 32 and text.isprintable() and text.isascii() for text in drawn)
    assert all(one.contains(text) for text in drawn)


def test_spaces_of_the_same_length_are_equal() -> None:
    assert AnyText(5) == AnyText(5)
    assert AnyText(5) != AnyText(6)
    assert AnyText(5) != spaces.Text(5)
    assert repr(AnyText(5)) == "AnyText(5)"


def test_a_text_space_stays_a_text_space_to_gymnasium() -> None:
    assert isinstance(AnyText(), spaces.Text)
    assert isinstance(batch_space(AnyText(), 3), spaces.Tuple)
    batched = batch_space(ObservationSpace(20), 3)
    assert isinstance(batched, spaces.Dict)


def test_the_observation_space_holds_text_and_turns() -> None:
    space = ObservationSpace(20)
    may = np.array([1, 0, 1, 0, 0], dtype=np.int8)

    def observation(**changes: Any) -> dict[str, Any]:
        return {"text": "", "turn": 0, "actions": may} | changes

    assert space.contains(observation())
    assert space.contains(observation(text="x" * 10 * MAX_CHARACTERS, turn=20))
    assert space.contains(observation(turn=np.int64(3)))
    for outside in (
        observation(turn=21),
        observation(turn=-1),
        observation(turn=1.0),
        observation(text=None),
        observation(actions=may[:4]),
        observation(actions=2 * may),
        {"text": "", "turn": 0},
        observation(more=0),
        "text",
    ):
        assert not space.contains(outside)


def test_the_action_space_holds_kind_text_and_recipients() -> None:
    space = ActionSpace(3)
    nobody = np.zeros(3, dtype=np.int8)
    for kind in range(len(ACTION_TYPES)):
        assert space.contains({"action_type": kind, "argument": "", "to": nobody})
    for changes in (
        {"action_type": 5},
        {"action_type": -1},
        {"action_type": "speak"},
        {"argument": None},
        {"argument": "x" * (MAX_CHARACTERS + 1)},
        {"to": np.zeros(2, dtype=np.int8)},
        {"to": np.full(3, 2, dtype=np.int8)},
        {"to": np.full(3, -1, dtype=np.int8)},
        {"to": None},
    ):
        assert not space.contains({"action_type": 1, "argument": "", "to": nobody} | changes)


@given(st.integers(1, 5), st.integers(0, 2**31))
def test_samples_of_the_action_space_lie_in_it_and_obey_the_mask(seats: int, seed: int) -> None:
    space = ActionSpace(seats)
    space.seed(seed)
    assert space.contains(space.sample())
    only_none = {
        "action_type": np.array([1, 0, 0, 0, 0], dtype=np.int8),
        "argument": None,
        "to": None,
    }
    assert space.sample(mask=only_none)["action_type"] == 0


ANYTHING = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-2, 8)
    | st.integers(-2, 8).map(np.int64)
    | st.integers(0, 8).map(np.uint8)
    | st.text(max_size=2)
)
MASKS = (
    st.lists(st.integers(-1, 2), min_size=1, max_size=4).map(
        lambda items: np.array(items, dtype=np.int8)
    )
    | st.lists(st.integers(0, 1), min_size=1, max_size=4).map(np.array)
    | st.lists(st.integers(0, 1), min_size=3, max_size=3)
)
TEXTS = st.sampled_from(["", "Hello.", "x" * MAX_CHARACTERS, "x" * (MAX_CHARACTERS + 1)])


def plain(space: spaces.Dict) -> spaces.Dict:
    """The same space with Gymnasium's own checks."""
    return spaces.Dict(dict(space.spaces))


@given(st.integers(0, 4) | ANYTHING, TEXTS | ANYTHING, MASKS | ANYTHING)
def test_the_action_space_admits_what_gymnasium_admits(kind: Any, text: Any, to: Any) -> None:
    space = ActionSpace(3)
    action = {"action_type": kind, "argument": text, "to": to}
    assert space.contains(action) == plain(space).contains(action)


@given(TEXTS | ANYTHING, ANYTHING)
def test_the_observation_space_admits_what_gymnasium_admits(text: Any, turn: Any) -> None:
    space = ObservationSpace(4)
    observation = {"text": text, "turn": turn}
    assert space.contains(observation) == plain(space).contains(observation)


@given(st.dictionaries(st.sampled_from(["action_type", "argument", "to", "text", "turn"]), TEXTS))
def test_other_fields_are_outside(record: dict[str, str]) -> None:
    assert not ActionSpace(2).contains(record)
    assert not ObservationSpace(4).contains(record)
