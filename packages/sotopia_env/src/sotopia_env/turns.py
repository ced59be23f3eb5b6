"""Who may act when."""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, get_args

ActionOrder: TypeAlias = Literal["round-robin", "simultaneous"]
ACTION_ORDERS: Final[tuple[ActionOrder, ...]] = get_args(ActionOrder)


def seats_on_turn(order: ActionOrder, previous: int, present: Sequence[int]) -> tuple[int, ...]:
    """Seats that may act next, of those `present` (rising).

    Round-robin takes the next seat after `previous` (-1 at the start), passing over who has left;
    simultaneous lets everybody act.
    """
    if order == "simultaneous":
        return tuple(present)
    for seat in present:
        if seat > previous:
            return (seat,)
    return (present[0],) if present else ()
