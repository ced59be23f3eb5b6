"""Whether what a seat is given depends on anything it may not know.

A game with hidden information is played twice, in the instance at hand and in another that the seat
cannot tell from it (`Game.resample`), with everybody doing the same. All that the seat is given
must then be the same, to the byte: noninterference (Goguen and Meseguer 1982). No list of secrets
and no rule of who hears what is needed, so none can be wrong.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from .actions import AgentAction
from .comparison import is_same
from .moves import Invalid

_TRIES: Final = 4
_PARTING: Final = 0.25
"""Chance that others begin to differ, in a turn that the seat does not see."""
_ANYTHING: Final = ("I have nothing to add.", "Good morning.", "Who was it?")


def check_noninterference(one: Any, other: Any, seat: str, rng: np.random.Generator) -> int:
    """Play two environments, whose instances `seat` cannot tell apart, and compare what it gets.

    In each turn the seats on turn make the same moves, drawn from those that both instances allow;
    where nobody sees who acts, the acting seats of one instance do what those of the other do. The
    seat itself does nothing where it alone would see what comes of it. The comparison ends when an
    episode does, for an end is public.

    At some point what others do unseen by the seat begins to differ as well. The comparison then
    ends when the seat is on turn or all may see who acts, for then it may learn what came of it.

    Args:
        one: an environment of `parallel_env`, not yet reset.
        other: one with the same settings in another instance.
        seat: whose observations, infos and history are compared.
        rng: of what is done.

    Returns:
        Turns that were compared.

    Raises:
        AssertionError: names the seat, the turn and what differs.
    """
    seed = int(rng.integers(2**31))
    given, copy = one.reset(seed=seed), other.reset(seed=seed)
    _compare(one, other, seat, (given[0], given[1]), (copy[0], copy[1]))
    turns, is_apart = 0, False
    while seat in one.agents and seat in other.agents:
        is_unseen = _is_unseen(one, seat) and _is_unseen(other, seat)
        if is_apart and not is_unseen:
            break
        is_apart = is_apart or (is_unseen and rng.random() < _PARTING)
        doing, copying = _deeds(one, other, seat, rng, is_apart=is_apart)
        result, copied = one.step(doing), other.step(copying)
        if not (one.agents and other.agents):
            break
        if is_apart and not (_is_unseen(one, seat) and _is_unseen(other, seat)):
            break
        _compare(one, other, seat, (result[0], result[4]), (copied[0], copied[4]))
        turns += 1
    return turns


def _deeds(
    one: Any, other: Any, seat: str, rng: np.random.Generator, *, is_apart: bool
) -> tuple[dict[str, AgentAction], dict[str, AgentAction]]:
    """What the seats on turn do in either environment; whoever has no double does nothing."""
    if is_apart:
        doing = {actor: _deed(one, actor, one, actor, rng) for actor in one.turn_order}
        return doing, {actor: _deed(other, actor, other, actor, rng) for actor in other.turn_order}
    doing = dict.fromkeys(one.turn_order, AgentAction())
    copying = dict.fromkeys(other.turn_order, AgentAction())
    for actor, double in zip(doing, copying, strict=False):
        if actor != seat or not _is_alone(one, seat):
            doing[actor] = copying[double] = _deed(one, actor, other, double, rng)
    return doing, copying


def _deed(one: Any, actor: str, other: Any, double: str, rng: np.random.Generator) -> AgentAction:
    """A move that counts in both environments, or else words, or nothing."""
    draw = rng.random()
    for _ in range(_TRIES if draw < 0.7 else 0):
        text = one.sample_move(actor, rng)
        if _is_move(one, actor, text) and _is_move(other, double, text):
            return AgentAction("action", text)
    text = _ANYTHING[int(rng.integers(len(_ANYTHING)))]
    return AgentAction("speak", text) if draw < 0.9 else AgentAction()


def _is_move(env: Any, seat: str, text: str) -> bool:
    transcript = env.transcript
    number = env.possible_agents.index(seat)
    found = transcript.game.parse(text, transcript.game_state, number)
    return found is not None and not isinstance(found, Invalid)


def _is_unseen(env: Any, seat: str) -> bool:
    """Whether `seat` perceives nothing of who is on turn now, and of what they do."""
    game, state = env.transcript.game, env.transcript.game_state
    if not getattr(game, "is_phased", False) or seat in env.turn_order:
        return False
    keys = env.possible_agents
    audiences = [game.audience(state, keys.index(actor)) for actor in env.turn_order]
    return all(heard is not None and keys.index(seat) not in heard for heard in audiences)


def _is_alone(env: Any, seat: str) -> bool:
    """Whether nobody else perceives what `seat` does now."""
    transcript = env.transcript
    if not getattr(transcript.game, "is_phased", False):
        return False
    heard = transcript.game.audience(transcript.game_state, env.possible_agents.index(seat))
    return bool(heard == ())


def _compare(
    one: Any,
    other: Any,
    seat: str,
    given: tuple[Mapping[str, Any], Mapping[str, Any]],
    copy: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> None:
    for place, mine, same in zip(("observation", "infos"), given, copy, strict=True):
        assert is_same(mine[seat], same[seat]), (
            f"the {place} of {seat} after {one.turn} turns depends on what it may not know: "
            f"{_difference(mine[seat], same[seat])}"
        )
    mine, same = one.history(seat), other.history(seat)
    assert mine == same, f"the history of {seat} depends on what it may not know"


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The first entry that differs, in both forms."""
    for key in one.keys() | other.keys():
        if not is_same(one.get(key), other.get(key)):
            return f"{key} is {one.get(key)!r:.300} or {other.get(key)!r:.300}"
    return "nothing"
