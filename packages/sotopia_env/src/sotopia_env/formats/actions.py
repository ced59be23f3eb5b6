"""Actions as JSON and in words <-> `AgentAction`; nothing is guessed from parts of a sentence."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from ..actions import ACTION_TYPES, ActionType, AgentAction
from .reading import JsonObject, read_object, refusal

Wording: TypeAlias = Literal["paper", "multi-agent"]
"""Of actions in words: as in the published data, or with the blanks that later code puts before."""

_FIELDS: Final = ("action_type", "argument", "to")
_FENCE: Final = re.compile(r"\A\s*```(?:json)?\s*|\s*```\s*\Z")
_TRAILING_COMMA: Final = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_NAME: Final = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_PRIVATE: Final = re.compile(rf"\A\[private to (\[(?:{_NAME}(?:, {_NAME})*)?\])\] ")
_SAID: Final = 'said: "'
_NOTHING, _LEFT = "did nothing", "left the conversation"
_DEEDS: Final[tuple[ActionType, ...]] = ("non-verbal communication", "action")


def read_action(
    value: str | Mapping[str, Any],
    *,
    agent_names: Sequence[str] | None = None,
    sender: str | None = None,
    available_action_types: Sequence[str] | None = None,
    where: str = "",
) -> AgentAction:
    """An action from its JSON, which may stand in a code fence and have trailing commas.

    A missing `to` is public, as in all published data.

    Args:
        value: the JSON text, or the object.
        agent_names: all who take part; given, recipients are checked against them.
        sender: who acts, and so is no recipient.
        available_action_types: what an integer in place of the type counts through; without them
            an integer is none.
        where: names the place in messages.

    Raises:
        FormatError: if it is no such object, or names an unknown recipient.
    """
    text = _unfenced(value) if isinstance(value, str) else value
    values = _unwrapped(read_object(text, where))
    unknown = [key for key in values if key not in _FIELDS]
    if unknown:
        raise refusal(where, f"unknown key {unknown[0]!r:.60}", f"use {', '.join(_FIELDS)}")
    for key in _FIELDS[:2]:
        if key not in values:
            raise refusal(where, f"key {key!r} is missing", "add it")
    kind = _type_of(values["action_type"], available_action_types, where)
    argument, to = values["argument"], values.get("to", [])
    if not isinstance(argument, str):
        raise refusal(where, f"argument: text is expected, got {argument!r:.60}", "quote it")
    if not isinstance(to, list | tuple) or not all(isinstance(name, str) for name in to):
        raise refusal(where, f"to: a list of names is expected, got {to!r:.60}", "use []")
    if agent_names is not None:
        _check_recipients(to, [name for name in agent_names if name != sender], where)
    return AgentAction(kind, argument, tuple(to))


def write_action(action: AgentAction) -> JsonObject:
    """The published object of an action."""
    return {
        "action_type": action.action_type,
        "argument": action.argument,
        "to": [*action.to],
    }


def action_in_words(action: AgentAction, wording: Wording = "paper") -> str:
    """An action as messages of a log have it; who it was for is always told.

    The argument of `none` and `leave` has no place in words.
    """
    gap = "" if wording == "paper" else " "
    match action.action_type:
        case "speak":
            text = f'{_SAID}{action.argument}"'
        case "none":
            text = _NOTHING
        case "leave":
            text = _LEFT
        case kind:
            text = f"[{kind}] {action.argument}"
    private = f"[private to {[*action.to]}] " if action.to else ""
    return f"{private}{gap}{text}"


def action_of_words(text: str, where: str = "") -> AgentAction:
    """An action from a message, in either wording; the words of a speaker byte for byte.

    Raises:
        FormatError: if it is in none of the forms.
    """
    to = recipients_in(text) or ()
    rest = _PRIVATE.sub("", text, count=1).removeprefix(" ")
    if rest == _NOTHING:
        return AgentAction("none", "", to)
    if rest == _LEFT:
        return AgentAction("leave", "", to)
    if rest.startswith(_SAID) and rest.endswith('"') and len(rest) > len(_SAID):
        return AgentAction("speak", rest[len(_SAID) : -1], to)
    for kind in _DEEDS:
        if rest.startswith(f"[{kind}] "):
            return AgentAction(kind, rest[len(kind) + 3 :], to)
    raise refusal(
        where,
        f"{text!r:.80} is no action",
        f'write {_SAID}...", {_NOTHING}, {_LEFT}, [action] ... or [non-verbal communication] ...',
    )


def recipients_in(text: str) -> tuple[str, ...] | None:
    """Whom a message names as its recipients; `None` where it is for everybody."""
    private = _PRIVATE.match(text)
    return None if private is None else tuple(ast.literal_eval(private.group(1)))


def wording_of(texts: Sequence[str]) -> Wording:
    """In which wording a log's actions are; without any, that of the published data."""
    later = [t for t in texts if t.startswith(" ") or _PRIVATE.sub("", t, count=1).startswith(" ")]
    return "multi-agent" if later else "paper"


def _unfenced(text: str) -> str:
    bare = _FENCE.sub("", text)
    try:
        json.loads(bare)
    except (ValueError, RecursionError):
        return _TRAILING_COMMA.sub(lambda found: found.group(1) or "", bare)
    return bare


def _unwrapped(values: JsonObject) -> JsonObject:
    """Without the wrappings in which models put an answer that repeats the schema."""
    inner = values.get("properties")
    if set(values) == {"properties"} and isinstance(inner, Mapping):
        values = dict(inner)
    return {
        key: value["value"] if isinstance(value, Mapping) and "value" in value else value
        for key, value in values.items()
    }


def _type_of(raw: object, available: Sequence[str] | None, where: str) -> ActionType:
    if type(raw) is int and available is not None and 0 <= raw < len(available):
        raw = available[raw]
    stripped = raw.strip() if isinstance(raw, str) else raw
    for kind in ACTION_TYPES:
        if kind == stripped:
            return kind
    raise refusal(
        where, f"action_type: {raw!r:.60} is none", f"use one of {', '.join(ACTION_TYPES)}"
    )


def _check_recipients(to: Sequence[str], allowed: Sequence[str], where: str) -> None:
    wrong = [name for name in to if name not in allowed]
    if wrong:
        problem = f"Invalid recipient(s) in 'to': {wrong}. Allowed: {allowed}."
        raise refusal(where, problem, "name others who take part, or nobody for everybody")
