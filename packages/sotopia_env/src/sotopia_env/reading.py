"""What a seat did in its turn, held against what it may do.

Who hears it, which formal move it makes, or why it does not count. Pure functions; the environment
keeps the record.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from .actions import NO_ACTION, ActionType, AgentAction, UnreadableAction
from .moves import Invalid
from .scene import Scene

_SPOKEN: Final = ("speak", "action")


class Deed(NamedTuple):
    """An action as it enters the record."""

    action: AgentAction
    audience: tuple[str, ...] | None = None
    """Seats that perceive it beside its own; `None` is everybody."""
    move: Any = None
    """The formal move it makes, `Invalid` for one that does not count, or `None`."""


def possible(
    action: AgentAction | UnreadableAction, types: Sequence[ActionType]
) -> AgentAction | Invalid:
    """The action, or why it cannot be chosen now.

    Where one can only act, what is said plainly is an action.
    """
    if isinstance(action, UnreadableAction):
        return Invalid(action.reason)
    if action.action_type in types:
        return action
    if action.action_type == "speak" and "action" in types:
        return action._replace(action_type="action")
    return Invalid(f"{action.action_type} is not possible now; use one of {', '.join(types)}")


def recipients(
    to: Sequence[str], sender: str, seat_by_name: Mapping[str, str], present: Sequence[str]
) -> tuple[str, ...] | Invalid:
    """Keys of the recipients, in the order of the seats; `to` holds display names or keys.

    All must be `present`, and one another than the sender, who may be among them.
    """
    heard = set()
    for name in to:
        key = seat_by_name.get(name)
        if key is None:
            return Invalid(f"unknown recipient {name!r:.40}")
        if key not in present:
            return Invalid(f"recipient {name!r:.40} has left")
        heard.add(key)
    if heard == {sender}:
        return Invalid(f"recipient {to[0]!r:.40} is yourself; name somebody else, or nobody at all")
    return tuple(key for key in present if key in heard)


def deed(
    action: AgentAction,
    key: str,
    scene: Scene,
    state: Any,
    names: Mapping[str, str],
    present: Sequence[str],
) -> Deed:
    """A possible action of seat `key`, with its audience and its move.

    `names` are the display names by seat; `present` the seats that have not left, in order.
    """
    audience = None
    if action.to:
        chosen = recipients(action.to, key, scene.seat_by_name, present)
        if isinstance(chosen, Invalid):
            return Deed(NO_ACTION, None, chosen)
        audience = chosen
        action = action._replace(to=tuple(names[k] for k in chosen))
    game = scene.game
    if game is None:
        return Deed(action, audience)
    seat = int(key.removeprefix("agent_"))
    if scene.is_phased:
        admitted = game.audience(state, seat)
        if admitted is not None:
            of_phase = [f"agent_{other}" for other in admitted]
            audience = tuple(
                k for k in of_phase if k != key and (audience is None or k in audience)
            )
    if action.action_type not in _SPOKEN:
        return Deed(action, audience)
    return Deed(action, audience, _move(action, audience, key, scene, state, seat, present))


def _move(
    action: AgentAction,
    audience: Sequence[str] | None,
    key: str,
    scene: Scene,
    state: Any,
    seat: int,
    present: Collection[str],
) -> Any:
    """The formal move in what a seat said, why it does not count, or `None`."""
    game = scene.game
    if scene.is_phased:
        return game.parse(action.argument, state, seat) if action.action_type == "action" else None
    found = game.parse(action.argument, state, seat)
    if found is None or isinstance(found, Invalid):
        return found
    if action.action_type == "action" and not game.grammar.is_whole(action.argument):
        return Invalid("a move must be the whole argument of an action")
    if audience is not None and not all(k in audience for k in present if k != key):
        return Invalid("a move must be said to everybody")
    return found
