"""What happened in an episode and its messages do not tell, under one further key of a log.

Whom the phase of a game let hear an action and whom it was meant for, formal moves, why some did
not count, announcements. The original passes over keys it does not know; what it does know decides,
so a log whose messages tell something else is refused.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from ..episode import Episode, EpisodeAnnouncement, EpisodeTurn, Outcome
from ..errors import FormatError
from ..visibility import Visibility
from .judgements import outcome_of
from .log_messages import Said, turns_in
from .reading import JsonObject, refusal

BEYOND: Final = "beyond_messages"

_WORDLESS: Final = ("none", "leave")
"""Types of actions whose argument has no place in messages."""


class BeyondMessages(BaseModel):
    """The course of an episode, whole."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    turns: tuple[EpisodeTurn, ...]
    """Of those who were on turn; all others did nothing."""
    announcements: tuple[EpisodeAnnouncement, ...] = ()
    outcome: Outcome | None = None
    visibility: Visibility = "private"

    def invalid_moves(self) -> Counter[str]:
        """How many actions of each seat did not count."""
        return Counter(turn.seat for turn in self.turns if turn.invalid is not None)


def beyond_messages(episode: Episode, messages: Sequence[Sequence[Said]]) -> JsonObject:
    """The key and its value, where an episode is more than its messages and ending tell."""
    seats = {record.name: seat for seat, record in episode.seats.items()}
    acted = {(turn.number, turn.seat) for turn in episode.turns}
    told = [turn for turn in turns_in(messages, seats) if (turn.number, turn.seat) in acted]
    is_told = (
        told == [*episode.turns]
        and not episode.announcements
        and episode.outcome == outcome_of(episode.ending)
        and episode.visibility == "private"
    )
    if is_told:
        return {}
    whole = BeyondMessages.model_validate(
        {name: getattr(episode, name) for name in BeyondMessages.model_fields}
    )
    return {BEYOND: whole.model_dump(mode="json", exclude_defaults=True)}


def agreed(
    told: Sequence[EpisodeTurn], whole: BeyondMessages, where: str
) -> tuple[EpisodeTurn, ...]:
    """The turns beyond what messages `told`, which they must agree with.

    Raises:
        FormatError: for a turn that messages tell otherwise, or do not tell.
    """
    turns = {(turn.number, turn.seat): turn for turn in whole.turns}
    for turn in told:
        own = turns.pop((turn.number, turn.seat), None)
        if _words(own) != _words(turn):
            raise _contradiction(turn, "messages tell of another action", where)
    for turn in turns.values():
        raise _contradiction(turn, "messages do not tell of it", where)
    return whole.turns


def _words(turn: EpisodeTurn | None) -> tuple[str, str]:
    """What messages tell of a turn, recipients aside."""
    if turn is None:
        return "none", ""
    return turn.action_type, "" if turn.action_type in _WORDLESS else turn.argument


def _contradiction(turn: EpisodeTurn, problem: str, where: str) -> FormatError:
    place = f"turn {turn.number} of {turn.seat}"
    return refusal(f"{where}: {place}" if where else place, problem, f"correct or remove {BEYOND}")
