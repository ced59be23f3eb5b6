"""What the seats perceive of a turn, in words, and what stands beside the words."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from .actions import ACTION_TYPES, ActionType, AgentAction
from .episode import Transcript, Turn

Observation: TypeAlias = dict[str, Any]
"""`{"text": str, "turn": int}`: what is new for the seat, and the number of turns so far."""
Info: TypeAlias = dict[str, Any]
"""`action_mask`, `heard` (the turns behind the text), `reward_components`, and where they apply
`game` (what a seat on turn knows of the game), `note` (why its last move did not count),
`off_turn`."""

_MAY_ACT: Final = np.ones(len(ACTION_TYPES), dtype=np.int8)
_MAY_NOT: Final = np.array([1, 0, 0, 0, 0], dtype=np.int8)

_DEPARTURE: Final = AgentAction("leave")

UNSEEN: Final[ActionType] = "none"
"""The type of action nobody perceives."""


def spoken(turn: Turn) -> str:
    """A turn as the others perceive it, after the speaker's name; the words byte for byte."""
    action = turn.action
    match action.action_type:
        case "speak":
            text = f'said: "{action.argument}"'
        case "leave":
            return "left the conversation"  # which all see, whoever it is announced to
        case "none":
            text = "did nothing"
        case kind:
            text = f"[{kind}] {action.argument}"
    return f"[private] {text}" if action.to else text


def correction(turn: Turn) -> str:
    """The line that tells a seat, once, why its move does not count."""
    return f"Your last move does not count: {turn.invalid}."


def reaches(turn: Turn, seat: str, name: str) -> bool:
    """Whether `seat`, displayed as `name`, perceives a turn; its own it always does."""
    if turn.seat == seat or turn.action.action_type == "leave":
        return True
    return _is_told(turn, seat, name)


def _is_told(turn: Turn, seat: str, name: str) -> bool:
    to = turn.action.to
    return not to or seat in to or name in to


def _as_heard(turn: Turn, seat: str, name: str) -> Turn:
    """A turn without what is none of `seat`'s business: why it is invalid, a private farewell."""
    if turn.invalid is not None:
        turn = turn._replace(invalid=None)
    return turn if _is_told(turn, seat, name) else turn._replace(action=_DEPARTURE)


def conversation(transcript: Transcript) -> str:
    """The scenario and all that happened, as somebody sees it who perceives everything."""
    lines = [f"{transcript.names[t.seat]} {spoken(t)}" for t in transcript.turns]
    return "\n".join([transcript.profile.scenario, *lines])


def history(transcript: Transcript, seat: str, introduction: str) -> str:
    """Everything `seat` has been shown and has done, from its introduction on."""
    names, lines = transcript.names, [introduction]
    for t in transcript.turns:
        if t.action.action_type != UNSEEN and reaches(t, seat, names[seat]):
            lines.append(f"{names[t.seat]} {spoken(t)}")
        if t.invalid is not None and t.seat == seat:
            lines.append(correction(t))
    return "\n".join(lines)


def perceived(
    transcript: Transcript,
    live: Sequence[str],
    said: Sequence[Turn],
    turn: int,
    on_turn: tuple[str, ...],
) -> tuple[dict[str, Observation], dict[str, Info]]:
    """What each `live` seat is shown of the last turn, in which the seats `said` this.

    `turn` is the number of turns so far, `on_turn` who may act next.
    """
    names = transcript.names
    acts: list[tuple[Turn, str, bool]] = []
    notes: dict[str, str] = {}
    for t in said:
        if t.action.action_type != UNSEEN:
            is_open = t.invalid is None and not t.action.to
            acts.append((t, f"{names[t.seat]} {spoken(t)}", is_open))
        if t.invalid is not None:
            notes[t.seat] = correction(t)
    observations: dict[str, Observation] = {}
    infos: dict[str, Info] = {}
    for seat, key in enumerate(names):
        if key not in live:
            continue
        heard: tuple[Turn, ...] = ()
        text = ""
        for t, line, is_open in acts:
            if t.seat != key and (is_open or reaches(t, key, names[key])):
                text = f"{text}\n{line}" if heard else line
                heard = (*heard, t if is_open else _as_heard(t, key, names[key]))
        infos[key] = info = info_of(transcript, seat, heard, key in on_turn)
        if key in notes:
            info["note"] = note = notes[key]
            text = f"{text}\n{note}" if heard else note
        observations[key] = {"text": text, "turn": turn}
    return observations, infos


def info_of(transcript: Transcript, seat: int, heard: tuple[Turn, ...], may_act: bool) -> Info:
    """What stands beside an observation; all of it is the receiver's own to change."""
    mask = _MAY_ACT if may_act else _MAY_NOT
    info: Info = {
        "action_mask": {"action_type": mask.copy(), "argument": None, "to": None},
        "heard": heard,
        "reward_components": {},
    }
    if may_act and transcript.game is not None:
        info["game"] = transcript.game.observe(transcript.game_state, seat)
    return info
