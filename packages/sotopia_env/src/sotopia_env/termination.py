"""When an episode is over, and what its ending is called."""

from .episode import Outcome

FEWEST_SEATS = 2
"""With fewer seats present nobody is left to talk to."""


def ending(
    *, is_agreed: bool, is_over: bool, present: int, turn: int, max_turns: int
) -> Outcome | None:
    """How the episode has ended after `turn` turns, or `None`.

    What the rules of a game decide comes first, then departures, then the turn limit; only the last
    is a truncation.
    """
    if is_agreed:
        return "agreement"
    if is_over:
        return "no agreement"
    if present < FEWEST_SEATS:
        return "left"
    return "turn limit" if turn >= max_turns else None
