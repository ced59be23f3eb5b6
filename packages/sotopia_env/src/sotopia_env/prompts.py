"""Observations into chat messages and replies into actions.

Three styles. `chat`, for models that know language, and `brief`, for small policies trained from
scratch (numbers and words, about ten tokens a turn), only ever append to a seat's context, so that
it can be trained on as it stands. `sotopia` asks as the published environment does: everything anew
every turn, in one message, answered by an action in JSON; a template of one's own replaces its
text.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

from .actions import ACTION_TYPES, ActionLike, AgentAction, in_words
from .episode import Context, Decision, Message, storable
from .errors import ConfigurationError, unknown_name

PromptStyle: TypeAlias = Literal["chat", "brief", "sotopia"]
PROMPT_STYLES: Final[tuple[PromptStyle, ...]] = get_args(PromptStyle)
APPEND_ONLY: Final[tuple[PromptStyle, ...]] = ("chat", "brief")
"""Styles in which every prompt is a prefix of the seat's context."""

INSTRUCTIONS: Final = (
    "You play one person in a conversation and speak only for that person. Stay in character, be "
    "natural, and pursue your goal. Answer with what you say this turn and nothing else. A formal "
    "move counts only on a line of its own."
)

ACTION_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "action_type": {
            "type": "string",
            "enum": list(ACTION_TYPES),
            "description": "what to do this turn",
        },
        "argument": {
            "type": "string",
            "description": "the words to say or the thing to do; empty for none and leave",
        },
        "to": {
            "type": "array",
            "items": {"type": "string"},
            "description": "names of those who alone may perceive it; empty for everybody",
        },
    },
    "required": ["action_type", "argument", "to"],
    "additionalProperties": False,
}
"""JSON schema of an action, as published."""

SOTOPIA_TEMPLATE: Final = """\
You are {agent}. Act and speak as {agent} would, and pursue {agent}'s social goal.
The context below holds your background and your goal. Nobody but you knows your goal and your \
secrets. Stay in character, keep the conversation natural, and do not repeat what has been said.

{history}

It is turn #{turn_number}. You can choose one of these types of action: {action_list}.
{action_instructions}You may leave once your goals are met, or if you feel uncomfortable or \
bored, or have another reason to go.

{format_instructions}"""
"""The default of the `sotopia` style; its content is that of the published prompt."""

FORMAT_INSTRUCTIONS: Final = (
    "Answer only with a JSON object that follows this schema, for example "
    '{"action_type": "speak", "argument": "Good morning!", "to": []}:\n' + json.dumps(ACTION_SCHEMA)
)

SLOTS: Final = (
    "agent",
    "turn_number",
    "history",
    "action_list",
    "goal",
    "action_instructions",
    "format_instructions",
)
"""What a template may hold between braces."""

_SLOT: Final = re.compile(r"\{([A-Za-z_]\w*)\}")
_TRAILING_COMMA: Final = re.compile(r",\s*(?=[}\]]\s*\Z)|,\s*(?=\}\s*,)")
_FENCED: Final = re.compile(r"```(?:json)?\s*(\{.*\})\s*(?:```)?\s*", re.DOTALL)


def checked_template(template: str) -> str:
    """The template, if it holds slots that exist.

    Raises:
        ConfigurationError: for a slot that nothing fills, with those that exist.
    """
    for name in _SLOT.findall(template):
        if name not in SLOTS:
            raise ConfigurationError(unknown_name("slot of a template", name, SLOTS))
    return template


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its slots filled in one pass: what is filled in is never read again."""
    return _SLOT.sub(lambda found: values.get(found[1], found[0]), template)


class Conversation:
    """One seat's context while it grows: what it was shown, what it said, on what basis.

    `observe` before every decision, `reply` after it; `record` gives the stored form. In the
    `sotopia` style a decision is made on `prompt()`, which is stored with it.
    """

    def __init__(
        self, seat: str, style: PromptStyle = "chat", template: str = SOTOPIA_TEMPLATE
    ) -> None:
        self.seat, self.style = seat, style
        self.messages: list[Message] = []
        self.token_ids: list[int] = []
        self.decisions: list[Decision] = []
        self._template = checked_template(template)
        self._happened: list[str] = []
        self._known: dict[str, str] = {}
        self._turn = 0

    def observe(self, observation: dict[str, Any], info: dict[str, Any]) -> list[Message]:
        """Append what is new for the seat; returns the messages appended."""
        first = not self.messages
        text: str = observation["text"]
        match self.style:
            case "chat":
                new = [Message(role="system", content=INSTRUCTIONS)] if first else []
                new.append(Message(role="user", content=text or "(nobody spoke)"))
            case "brief":
                new = [Message(role="user", content=brief(observation, info, first=first))]
            case "sotopia":
                new = [Message(role="user", content=text)]
                self._follow(observation, info, first=first)
        self.messages += new
        return new

    def prompt(self) -> tuple[Message, ...]:
        """What a model is asked now."""
        if self.style != "sotopia":
            return tuple(self.messages)
        values = {**self._known, "history": "\n".join(self._happened)}
        return (Message(role="user", content=filled(self._template, values)),)

    def _follow(self, observation: dict[str, Any], info: dict[str, Any], *, first: bool) -> None:
        """Keep the history of the `sotopia` style, in the published form."""
        self._turn = turn = observation["turn"]
        text = observation["text"]
        if first:
            self._happened.append(f"{text}\nConversation Starts:\n")
            self._known |= {"agent": info.get("name", self.seat), "goal": info.get("goal", "")}
        elif text:
            self._happened.append(f"Turn #{turn - 1}: {text}\n")
        types = observation.get("actions")
        possible = [
            kind
            for kind, may in zip(ACTION_TYPES, types if types is not None else (), strict=False)
            if may
        ]
        told = getattr(info.get("game"), "instructions", "")
        self._known |= {
            "turn_number": str(turn),
            "action_list": ", ".join(possible or ACTION_TYPES),
            "action_instructions": f"{told}\n" if told else "",
            "format_instructions": FORMAT_INSTRUCTIONS,
        }

    def reply(
        self,
        turn: int,
        text: str,
        *,
        token_span: tuple[int, int] | None = None,
        logprobs: tuple[float, ...] | None = None,
    ) -> None:
        """Append what the seat said in `turn`, and how it came about."""
        self.decisions.append(
            Decision(
                turn=turn,
                seat=self.seat,
                prompt_end=len(self.messages),
                prompt=self.prompt() if self.style == "sotopia" else None,
                token_span=token_span,
                logprobs=logprobs,
            )
        )
        sound = storable(text)
        self.messages.append(Message(role="assistant", content=sound))
        if self.style == "sotopia":
            self._happened.append(f"Turn #{turn}: {self._known['agent']} {_as_said(sound)}\n")

    def record(self) -> Context:
        """The context as it is stored."""
        ids = tuple(self.token_ids) if self.token_ids else None
        return Context(messages=tuple(self.messages), token_ids=ids)


def _as_said(reply: str) -> str:
    """A reply of one's own as it stands in the history."""
    action = read_reply(reply)
    if isinstance(action, dict):
        argument, to = action.get("argument", ""), action.get("to", [])
        if action.get("action_type") in ACTION_TYPES and isinstance(argument, str):
            names = tuple(map(str, to)) if isinstance(to, list) else ()
            return in_words(AgentAction(action["action_type"], argument, names))
    return in_words(AgentAction("speak", reply))


def brief(observation: dict[str, Any], info: dict[str, Any], *, first: bool) -> str:
    """The short form of an observation.

    Own values once, turns left, the partner's words, and what the partner's standing offer comes to
    where that takes more arithmetic than a small policy can do.
    """
    view = info.get("game")
    if view is None or not hasattr(view, "brief"):
        return str(observation["text"])
    said = " ".join(turn.action.argument for turn in info["heard"])
    parts = [view.brief()] if first else []
    parts.append(f"{view.deadline - view.turn}:")
    parts += [part for part in (said, info.get("note"), view.standing()) if part]
    return " ".join(parts)


def read_reply(text: str) -> ActionLike:
    """A reply as an action: a JSON object with `action_type` is that action, all else speech.

    The object may stand in a code fence, have a comma too many at its end, or wrap its fields in
    `properties` or its type in `value`, as models do.
    """
    stripped = text.strip()
    fenced = _FENCED.fullmatch(stripped)
    if fenced is not None:
        stripped = fenced[1]
    if stripped.startswith("{") and stripped.endswith("}"):
        value = _read_json(stripped)
        if isinstance(value, dict):
            inner = value.get("properties")
            if isinstance(inner, dict) and "action_type" not in value:
                value = inner
            kind = value.get("action_type")
            if isinstance(kind, dict) and isinstance(kind.get("value"), str):
                value = {**value, "action_type": kind["value"]}
            if "action_type" in value:
                return value
    return text


def _read_json(text: str) -> Any:
    for candidate in (text, _TRAILING_COMMA.sub("", text)):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):  # no JSON, a number of 5000 digits, 50,000 brackets
            continue
    return None
