"""What a seat may do in one turn, and how the forms users pass become one `AgentAction`."""

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from .errors import ActionError

ActionType: TypeAlias = Literal["none", "speak", "non-verbal communication", "action", "leave"]

ACTION_TYPES: Final[tuple[ActionType, ...]] = get_args(ActionType)
"""The five types in the order of the published enumeration; the action space indexes into it."""

MAX_CHARACTERS: Final = 20_000
"""Longest argument of an action. A longer one is not read, and the seat is told so."""

_TYPES_BY_NAME: Final[dict[str, ActionType]] = {kind: kind for kind in ACTION_TYPES}
_MAPPINGS: Final = (dict, Mapping)  # the abstract class alone is slow to answer
_MASK_TYPE: Final = np.dtype(np.int8)
_TEXTS: Final = frozenset((str,))
_FIELDS: Final = frozenset(("action_type", "argument", "to"))
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")


class AgentAction(NamedTuple):
    """One action of one seat: its type, the text that goes with it, and who may perceive it.

    An empty `to` is public. Recipients are display names or seat keys.

    >>> AgentAction("speak", "Good morning.").argument
    'Good morning.'
    """

    action_type: ActionType = "none"
    argument: str = ""
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnreadableAction:
    """What a policy produced when it was no action at all; `reason` is told to the seat."""

    reason: str


NO_ACTION: Final = AgentAction()

ActionLike: TypeAlias = str | AgentAction | Mapping[str, object]
"""What `step` takes for a seat: a string speaks, a mapping names the three fields."""


def in_words(action: AgentAction) -> str:
    """An action as the others perceive it, after the name of who acts; the words byte for byte.

    The form is that of the published data; a private one begins with its recipients.
    """
    match action.action_type:
        case "speak":
            text = f'said: "{action.argument}"'
        case "leave":
            return "left the conversation"  # which all see, whoever it is announced to
        case "none":
            return "did nothing"
        case kind:
            text = f"[{kind}] {action.argument}"
    return f"[private to {list(action.to)}] {text}" if action.to else text


def as_action(value: ActionLike, names: tuple[str, ...]) -> AgentAction | UnreadableAction:
    """Read one of the accepted forms; `names` are the seat keys a recipient mask refers to.

    A mapping may hold names (`{"action_type": "speak", "argument": "hi", "to": []}`, `to` optional)
    or a sample of the action space (an index, a text, a 0/1 mask).

    Raises:
        ActionError: if `value` is of another kind, which only a program can cause.
    """
    if type(value) is str:
        action = AgentAction("speak", value)
    elif isinstance(value, AgentAction):
        kind = value.action_type
        if type(kind) is not str or kind not in _TYPES_BY_NAME:
            return _unknown_type(kind)
        if not isinstance(value.argument, str):
            return _no_text(value.argument)
        action = value
        if type(value.to) is not tuple or value.to:
            to = _recipients(value.to, names)
            if isinstance(to, UnreadableAction):
                return to
            action = AgentAction(value.action_type, value.argument, to)
    elif isinstance(value, _MAPPINGS):
        read = _from_mapping(value, names)
        if isinstance(read, UnreadableAction):
            return read
        action = read
    elif isinstance(value, str):  # of a kind of its own, as NumPy's
        action = AgentAction("speak", str(value))
    else:
        raise ActionError(
            "an action is a str, a mapping or an AgentAction, "
            f"got {type(value).__name__}: {value!r:.80}"
        )
    if len(action.argument) > MAX_CHARACTERS:
        return UnreadableAction(
            f"the text has {len(action.argument)} characters, more than {MAX_CHARACTERS}"
        )
    if not action.argument.isascii() and _HALF_CHARACTER.search(action.argument):
        return UnreadableAction("the text holds half of a surrogate pair, which is no character")
    return action


def _from_mapping(
    value: Mapping[str, object], names: tuple[str, ...]
) -> AgentAction | UnreadableAction:
    raw, argument = value.get("action_type", "none"), value.get("argument", "")
    has_recipients = "to" in value
    if len(value) != ("action_type" in value) + ("argument" in value) + has_recipients:
        unknown = sorted(map(str, value.keys() - _FIELDS))
        return UnreadableAction(f"unknown fields {unknown!r:.80}; use action_type, argument, to")
    kind = _type_of(raw)
    if kind is None:
        return _unknown_type(raw)
    if not isinstance(argument, str):
        return _no_text(argument)
    if not has_recipients:
        return AgentAction(kind, argument)
    recipients = _recipients(value["to"], names)
    if isinstance(recipients, UnreadableAction):
        return recipients
    return AgentAction(kind, argument, recipients)


def _unknown_type(raw: object) -> UnreadableAction:
    return UnreadableAction(
        f"unknown action_type {_shown(raw)}; use one of {', '.join(ACTION_TYPES)}"
    )


def _no_text(argument: object) -> UnreadableAction:
    return UnreadableAction(f"argument must be text, got {type(argument).__name__}")


def _shown(raw: object) -> str:
    """A value in a reason; of a container only its type, because a nested one may have no repr."""
    is_plain = raw is None or isinstance(raw, str | int | float)
    return f"{raw!r:.40}" if is_plain else type(raw).__name__


def _type_of(raw: Any) -> ActionType | None:
    if type(raw) is int:
        return ACTION_TYPES[raw] if 0 <= raw < len(ACTION_TYPES) else None
    if isinstance(raw, str):
        return _TYPES_BY_NAME.get(raw.strip())
    if isinstance(raw, bool):
        return None
    try:
        index = operator.index(raw)
    except TypeError:
        return None
    return ACTION_TYPES[index] if 0 <= index < len(ACTION_TYPES) else None


def _recipients(raw: object, names: tuple[str, ...]) -> tuple[str, ...] | UnreadableAction:
    if type(raw) is tuple and _TEXTS.issuperset(map(type, raw)):
        return raw
    if type(raw) is np.ndarray and raw.dtype == _MASK_TYPE and raw.shape == (len(names),):
        marks = raw.tobytes()
        marked = _marked(marks, names) if marks.strip(b"\0") else ()
    else:
        items = raw.tolist() if hasattr(raw, "tolist") else raw
        if not isinstance(items, list | tuple):
            return UnreadableAction(f"to must be a list of recipients, got {_shown(items)}")
        if all(isinstance(item, str) for item in items):
            return tuple(str(item) for item in items)
        is_mask = len(items) == len(names) and all(type(i) is int and i in (0, 1) for i in items)
        marked = _marked(bytes(items), names) if is_mask else None
    if marked is None:
        return UnreadableAction(f"to must hold names, or one 0/1 for each of {len(names)} seats")
    return marked


@lru_cache(maxsize=1024)
def _marked(mask: bytes, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names with a 1; `None` if the mask holds anything but 0 and 1."""
    return None if mask.strip(b"\0\1") else tuple(compress(names, mask))
