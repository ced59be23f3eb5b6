"""Spaces of a text environment: any text, every check in constant time.

Gymnasium's `Text` looks at every character and admits only a given charset; ordinary model output
(curly quotes, other scripts, an empty string) would be out of bounds and long texts slow. Checks of
its `Dict` cost more than a move of a game; the two here answer at once for the values that usually
come, and leave all others to it.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import create_shared_memory

from .actions import ACTION_TYPES, MAX_CHARACTERS
from .errors import ConfigurationError

_SAMPLE_CHARACTERS = 32
_LONGEST_TEXT = 2**31 - 1
"""Of an observation: there is no limit to the scenario, to the seats that speak in one turn, or to
the turns a seat has not read yet; but a space of texts needs a number."""
_BITS = b"\x00\x01"


class AnyText(spaces.Text):
    """Every string of at most `max_length` characters; `contains` looks at type and length only.

    Stays a subclass of `Text`, so that flattening, batching and vectorisation of spaces know it.
    Samples are short printable strings.
    """

    def __init__(self, max_length: int = MAX_CHARACTERS, *, seed: int | None = None) -> None:
        super().__init__(max_length, min_length=0, seed=seed)

    def contains(self, x: Any) -> bool:
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        length = int(self.np_random.integers(1, _SAMPLE_CHARACTERS + 1))
        codes = self.np_random.integers(32, 127, size=length, dtype=np.uint8)
        return codes.tobytes().decode("ascii")

    def __repr__(self) -> str:
        return f"AnyText({self.max_length})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnyText) and other.max_length == self.max_length


class ObservationSpace(spaces.Dict):
    """`{"text": any text, "turn": 0..max_turns, "actions": (5,) of 0 and 1}`.

    The text is what is new for the seat; a 1 stands for each type of action it may choose.
    """

    def __init__(self, max_turns: int) -> None:
        actions = spaces.MultiBinary(len(ACTION_TYPES))
        super().__init__(
            {
                "text": AnyText(_LONGEST_TEXT),
                "turn": spaces.Discrete(max_turns + 1),
                "actions": actions,
            }
        )
        self._max_turns = max_turns
        self._mask_type, self._mask_shape = actions.dtype, actions.shape

    def contains(self, x: Any) -> bool:
        if type(x) is dict and len(x) == len(self.spaces):
            text, turn, actions = x.get("text"), x.get("turn"), x.get("actions")
            if type(text) is str and type(turn) is int and type(actions) is np.ndarray:
                return (
                    len(text) <= _LONGEST_TEXT
                    and 0 <= turn <= self._max_turns
                    and actions.dtype == self._mask_type
                    and actions.shape == self._mask_shape
                    and not actions.tobytes().strip(_BITS)
                )
        return bool(super().contains(x))


class ActionSpace(spaces.Dict):
    """`{"action_type": index, "argument": any text, "to": 0/1 per seat}`."""

    def __init__(self, seats: int) -> None:
        recipients = spaces.MultiBinary(seats)
        super().__init__(
            {
                "action_type": spaces.Discrete(len(ACTION_TYPES)),
                "argument": AnyText(),
                "to": recipients,
            }
        )
        self._mask_type, self._mask_shape = recipients.dtype, recipients.shape

    def contains(self, x: Any) -> bool:
        if type(x) is dict and len(x) == len(self.spaces):
            kind, argument, to = x.get("action_type"), x.get("argument"), x.get("to")
            if (
                type(kind) is int
                and type(argument) is str
                and type(to) is np.ndarray
                and to.dtype == self._mask_type
                and to.shape == self._mask_shape
            ):
                return (
                    0 <= kind < len(ACTION_TYPES)
                    and len(argument) <= MAX_CHARACTERS
                    and not to.tobytes().strip(_BITS)
                )
        return bool(super().contains(x))


@create_shared_memory.register(AnyText)
def _refuse_shared_memory(space: AnyText, n: int = 1, ctx: Any = None) -> Any:
    """Gymnasium's own gives zeros for every text, for ever and in silence."""
    raise ConfigurationError(
        "text does not fit into shared memory: use SyncVectorEnv (or sotopia_env.views.vector, "
        "which is faster), or AsyncVectorEnv with shared_memory=False"
    )
