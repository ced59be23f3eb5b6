"""Who may act when."""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

ActionOrder: TypeAlias = Literal["round-robin", "simultaneous", "random", "agent-chosen"]
"""`random`: one seat a turn, drawn uniformly from the environment's generator. `agent-chosen`: all
are asked, whoever does anything but `none` raises a hand, and one hand is given the floor."""
ACTION_ORDERS: Final[tuple[ActionOrder, ...]] = get_args(ActionOrder)


def next_seat(previous: int, present: Sequence[int]) -> tuple[int, ...]:
    """The seat after `previous` (-1 at the start) of those `present`, passing over who has left."""
    for seat in present:
        if seat > previous:
            return (seat,)
    return (present[0],) if present else ()


def given_the_floor(
    hands: Sequence[int], spoke: Sequence[int], rng: np.random.Generator
) -> int | None:
    """Which of the raised `hands` may speak: the one that has waited longest, lots among equals.

    `spoke[seat]` is the last turn in which the seat had the floor, -1 if it never had.
    """
    if not hands:
        return None
    longest = min(spoke[seat] for seat in hands)
    waiting = [seat for seat in hands if spoke[seat] == longest]
    return waiting[0] if len(waiting) == 1 else waiting[int(rng.integers(len(waiting)))]
