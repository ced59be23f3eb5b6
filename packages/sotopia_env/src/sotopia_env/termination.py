"""When an episode is over, and what its ending is called."""

from typing import Final, Literal, Protocol, TypeAlias

from .episode import Evaluation, Outcome, Transcript

FEWEST_SEATS: Final = 2
"""With fewer seats present nobody is left to talk to."""

MAX_STALE_TURNS: Final = 2
"""Silent turns in a row that an open scenario bears; one more ends it."""

TOO_LONG: Final = "The conversation is too long; "
TOO_FEW: Final = "Too few active agents; "
STALE: Final = "The conversation stales for too long; "
"""What endings are called, in the words of the published termination rule."""

Ruling: TypeAlias = Literal["agreement", "no agreement", "over"]
"""What the rules of a game make of a position in which it ends."""


class Terminator(Protocol):
    """An evaluator that decides whether to go on; asked after every turn."""

    def evaluate(self, transcript: Transcript) -> Evaluation:
        """Its `terminated` is the reason to end here; empty or `None` is no reason."""


def ending(
    ruling: Ruling | None,
    *,
    present: int,
    silent_turns: int,
    max_stale_turns: int | None,
    reason: str,
    turn: int,
    max_turns: int,
) -> tuple[Outcome | None, str]:
    """How the episode has ended after `turn` turns (`None` if it has not), and why in words.

    What the rules of a game decide comes first, then departures, silence, and the `reason` of a
    termination rule; the turn limit comes last, and it alone is a truncation.
    """
    is_stale = max_stale_turns is not None and silent_turns > max_stale_turns
    outcome: Outcome | None
    if ruling is not None:
        outcome = ruling
    elif present < FEWEST_SEATS:
        outcome = "left"
    elif is_stale:
        outcome = "stale"
    elif reason:
        outcome = "over"
    else:
        outcome = "turn limit" if turn >= max_turns else None
    if outcome is None:
        return None, ""
    words = (
        TOO_LONG if turn >= max_turns else "",
        TOO_FEW if present < FEWEST_SEATS else "",
        STALE if is_stale else "",
        reason,
    )
    return outcome, "".join(words)
