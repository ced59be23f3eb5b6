"""Observations into chat messages and replies into actions, append-only.

Two styles: `chat` for models that know language (instructions, the whole background, then what is
heard) and `brief` for small policies trained from scratch (numbers and words, about ten tokens a
turn).
"""

import json
from typing import Any, Final, Literal, TypeAlias, get_args

from .actions import ActionLike
from .episode import Context, Decision, Message

PromptStyle: TypeAlias = Literal["chat", "brief"]
PROMPT_STYLES: Final[tuple[PromptStyle, ...]] = get_args(PromptStyle)

INSTRUCTIONS: Final = (
    "You play one person in a conversation and speak only for that person. Stay in character, be "
    "natural, and pursue your goal. Answer with what you say this turn and nothing else. A formal "
    "move counts only on a line of its own."
)


class Conversation:
    """One seat's context while it grows: what it was shown, what it said, on what basis.

    `observe` before every decision, `reply` after it; `record` gives the stored form.
    """

    def __init__(self, seat: str, style: PromptStyle = "chat") -> None:
        self.seat, self.style = seat, style
        self.messages: list[Message] = []
        self.token_ids: list[int] = []
        self.decisions: list[Decision] = []

    def observe(self, observation: dict[str, Any], info: dict[str, Any]) -> list[Message]:
        """Append what is new for the seat; returns the messages appended."""
        first = not self.messages
        if self.style == "chat":
            new = [Message(role="system", content=INSTRUCTIONS)] if first else []
            new.append(Message(role="user", content=observation["text"] or "(nobody spoke)"))
        else:
            new = [Message(role="user", content=brief(observation, info, first=first))]
        self.messages += new
        return new

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
                token_span=token_span,
                logprobs=logprobs,
            )
        )
        sound = text.encode(errors="replace").decode()  # half a character cannot be stored
        self.messages.append(Message(role="assistant", content=sound))

    def record(self) -> Context:
        """The context as it is stored."""
        ids = tuple(self.token_ids) if self.token_ids else None
        return Context(messages=tuple(self.messages), token_ids=ids)


def brief(observation: dict[str, Any], info: dict[str, Any], *, first: bool) -> str:
    """The short form of an observation.

    Own values once, turns left, the partner's words, and what the partner's standing offer comes to
    where that takes more arithmetic than a small policy can do.
    """
    view = info.get("game")
    if view is None:
        return str(observation["text"])
    said = " ".join(turn.action.argument for turn in info["heard"])
    parts = [view.brief()] if first else []
    parts.append(f"{view.deadline - view.turn}:")
    parts += [part for part in (said, info.get("note"), view.standing()) if part]
    return " ".join(parts)


def read_reply(text: str) -> ActionLike:
    """A reply as an action: a JSON object with `action_type` is that action, all else speech."""
    stripped = text.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        try:
            value = json.loads(stripped)
        except (ValueError, RecursionError):  # no JSON, a number of 5000 digits, 50,000 brackets
            return text
        if isinstance(value, dict) and "action_type" in value:
            return value
    return text
