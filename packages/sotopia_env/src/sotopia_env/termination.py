"""When an episode is over, and what its ending is called."""

import re
from collections.abc import Sequence
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
_PART: Final = re.compile(r".+?; |.+", re.DOTALL)
"""One of several reasons in a text."""

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
    reasons: Sequence[str],
    turn: int,
    max_turns: int,
) -> tuple[Outcome | None, str]:
    """How the episode has ended after `turn` turns (`None` if it has not), and why in words.

    What the rules of a game decide comes first, then departures, silence, and the `reasons` of
    termination rules; the turn limit comes last, and it alone is a truncation. A rule that says it
    in the words above means the same, and nothing is told twice.
    """
    told = dict.fromkeys(part for reason in reasons for part in _PART.findall(reason))
    is_long = turn >= max_turns or TOO_LONG in told
    is_few = present < FEWEST_SEATS or TOO_FEW in told
    is_stale = STALE in told or (max_stale_turns is not None and silent_turns > max_stale_turns)
    others = [part for part in told if part not in (TOO_LONG, TOO_FEW, STALE)]
    outcome: Outcome | None
    if ruling is not None:
        outcome = ruling
    elif is_few:
        outcome = "left"
    elif is_stale:
        outcome = "stale"
    elif others:
        outcome = "over"
    else:
        outcome = "turn limit" if is_long else None
    published = ((is_long, TOO_LONG), (is_few, TOO_FEW), (is_stale, STALE))
    words = [word for is_so, word in published if is_so]
    return outcome, "".join([*words, *others]) if outcome else ""
