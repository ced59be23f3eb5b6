"""What the seats perceive of a turn, in words, and what stands beside the words."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .actions import ACTION_TYPES, ActionType, AgentAction, in_words
from .episode import Announcement, Transcript, Turn

Observation: TypeAlias = dict[str, Any]
"""`{"text": str, "turn": int, "actions": (5,) int8}`: what is new for the seat, the number of turns
so far, and a 1 for each type of action it may choose now, in the order of `ACTION_TYPES`."""
Info: TypeAlias = dict[str, Any]
"""`action_mask`, `heard` (the turns behind the text), `reward_components`, and where they apply
`name` and `goal` (the seat's own, at the start), `game` (what a seat on turn knows of the game),
`note` (why its last move did not count, or that it waits for the floor), `waiting` (that it does),
`off_turn`."""

UNSEEN: Final[ActionType] = "none"
"""The type of action nobody perceives."""

WAITING: Final = "Your hand is raised; somebody else was given the floor, and you were not heard."

ENVIRONMENT: Final = "Environment"
"""Who makes announcements."""

_UNTIL_READ: Final = ("name", "goal", "note")
"""Entries of the infos that stand in one turn, and are kept until the seat has read them."""

_DEPARTURE: Final = AgentAction("leave")
_MASKS: Final[dict[tuple[ActionType, ...], NDArray[np.int8]]] = {}
"""One a set of types, filled when first asked for; only copies of them are given away."""
_MAY_NOT: Final = np.array([1, 0, 0, 0, 0], dtype=np.int8)


def mask_of(types: tuple[ActionType, ...]) -> NDArray[np.int8]:
    """A 1 for each of `types`, shape (5,); not to be written to."""
    mask = _MASKS.get(types)
    if mask is None:
        mask = _MASKS[types] = np.array([kind in types for kind in ACTION_TYPES], dtype=np.int8)
    return mask


def correction(turn: Turn) -> str:
    """The line that tells a seat, once, why its move does not count."""
    return f"Your last move does not count: {turn.invalid}."


def reaches(turn: Turn, seat: str) -> bool:
    """Whether `seat` perceives a turn; its own it always does, and departures everybody."""
    audience = turn.audience
    if audience is None or turn.seat == seat or seat in audience:
        return True
    return turn.action.action_type == "leave"


def _as_heard(turn: Turn, seat: str) -> Turn:
    """A turn without what is none of `seat`'s business: why it is invalid, a farewell to others."""
    if turn.invalid is not None:
        turn = turn._replace(invalid=None)
    if turn.audience is not None and seat not in turn.audience:
        return turn._replace(action=_DEPARTURE, audience=None)
    return turn


def announced(news: Announcement, names: Mapping[str, str]) -> str:
    """An announcement as it is read."""
    if news.audience is None:
        return f"[Game] {news.text}"
    return f"[Private to {', '.join(names[seat] for seat in news.audience)}] {news.text}"


def conversation(transcript: Transcript) -> str:
    """The scenario and all that happened, as somebody sees it who perceives everything."""
    return "\n".join([transcript.profile.scenario, *_happened(transcript, None)])


def history(transcript: Transcript, seat: str, introduction: str) -> str:
    """Everything `seat` has been shown and has done, from its introduction on."""
    return "\n".join([introduction, *_happened(transcript, seat)])


def _happened(transcript: Transcript, seat: str | None) -> list[str]:
    """The lines that `seat` perceived; those of everything for `None`."""
    names, lines = transcript.names, []
    waiting = iter(transcript.announcements)
    news = next(waiting, None)
    for t in transcript.turns:
        while news is not None and news.number < t.number:
            lines += _read(news, seat, names)
            news = next(waiting, None)
        if t.masked:
            continue
        if seat is None or (t.action.action_type != UNSEEN and reaches(t, seat)):
            lines.append(f"{names[t.seat]} {in_words(t.action)}")
        if t.seat == seat:
            if t.invalid is not None:
                lines.append(correction(t))
            if t.waited:
                lines.append(WAITING)
    while news is not None:
        lines += _read(news, seat, names)
        news = next(waiting, None)
    return lines


def _read(news: Announcement, seat: str | None, names: Mapping[str, str]) -> list[str]:
    is_read = seat is None or news.audience is None or seat in news.audience
    return [announced(news, names)] if is_read else []


def perceived(
    transcript: Transcript,
    live: Sequence[str],
    said: Sequence[Turn],
    news: Sequence[Announcement],
    on_turn: Collection[str],
    types: tuple[ActionType, ...],
) -> tuple[dict[str, Observation], dict[str, Info]]:
    """What each `live` seat is shown of the last turn, in which the seats `said` this.

    `news` was announced after it, `on_turn` may act next, and may do `types`. All that is returned
    is the receiver's own to change. The work done in Python is proportional to seats plus turns as
    long as everybody hears everything.
    """
    names = transcript.names
    lines: list[str] = []
    turns: list[Turn] = []
    own: dict[str, int] = {}
    notes: dict[str, str] = {}
    is_open = True
    for t in said:
        if t.action.action_type != UNSEEN:
            own[t.seat] = len(lines)
            lines.append(f"{names[t.seat]} {in_words(t.action)}")
            turns.append(t)
            if t.audience is not None or t.invalid is not None:
                is_open = False
        if t.invalid is not None:
            notes[t.seat] = correction(t)
        elif t.waited:
            notes[t.seat] = WAITING
    everything, heard_by_all = "\n".join(lines), tuple(turns)
    observations: dict[str, Observation] = {}
    infos: dict[str, Info] = {}
    may_not, may = _MAY_NOT, mask_of(types)
    turn, game, state = transcript.turn, transcript.game, transcript.game_state
    for seat, key in enumerate(names):
        if key not in live:
            continue
        if is_open:
            text, heard = everything, heard_by_all
            at = own.get(key)
            if at is not None:
                heard = heard_by_all[:at] + heard_by_all[at + 1 :]
                text = "\n".join(lines[:at] + lines[at + 1 :]) if len(lines) > 1 else ""
        else:
            text, heard = _told(key, lines, turns)
        if news:
            told = [line for item in news for line in _read(item, key, names)]
            text = "\n".join([text, *told] if text else told)
        may_act = key in on_turn
        mask = may if may_act else may_not
        info: Info = {
            "action_mask": {"action_type": mask.copy(), "argument": None, "to": None},
            "heard": heard,
            "reward_components": {},
        }
        infos[key] = info
        if may_act and game is not None:
            info["game"] = game.observe(state, seat)
        if notes and (note := notes.get(key)) is not None:
            info["note"] = note
            text = f"{text}\n{note}" if text else note
            if note is WAITING:
                info["waiting"] = True
        observations[key] = {"text": text, "turn": turn, "actions": mask.copy()}
    return observations, infos


def _told(key: str, lines: Sequence[str], turns: Sequence[Turn]) -> tuple[str, tuple[Turn, ...]]:
    """What `key` perceives where not everybody perceives everything."""
    told, heard = [], []
    for line, t in zip(lines, turns, strict=True):
        if t.seat != key and reaches(t, key):
            told.append(line)
            heard.append(_as_heard(t, key))
    return "\n".join(told), tuple(heard)


def keep_unread(unread: Observation, known: Info, observation: Observation, info: Info) -> None:
    """Put what a seat was shown (`unread`, `known`) and has not acted upon before what is new.

    `observation` and `info` of the new turn are changed; what is told once, such as the seat's own
    name and goal, stays in its infos until it is on turn. Components of rewards add up.
    """
    components = info["reward_components"]
    for name, score in known["reward_components"].items():
        components[name] = components.get(name, 0.0) + score
    if not unread["text"]:
        return
    new = observation["text"]
    observation["text"] = f"{unread['text']}\n{new}" if new else unread["text"]
    info["heard"] = known["heard"] + info["heard"]
    for name in _UNTIL_READ:
        if name in known:
            info.setdefault(name, known[name])
