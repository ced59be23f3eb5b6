"""Rules about when to end, as evaluators; for replays, in the two ways of counting of the original.

An environment has the first of them built in (`max_turns`, `max_stale_turns`). As one of its
`terminators`, a rule means by its words what they mean there: its turn limit truncates, too.
"""

from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final, Literal, TypeAlias, get_args

from ..episode import Evaluation, Transcript
from ..errors import ConfigurationError, one_of
from ..termination import FEWEST_SEATS, MAX_STALE_TURNS, STALE, TOO_FEW, TOO_LONG

Counting: TypeAlias = Literal["turns", "messages", "messages and masks"]
"""Silence in turns in which nobody on turn did anything; in `none`s of the seats on turn, as the
multi-agent original counts; or in those of all seats, as the two-agent original did."""
COUNTINGS: Final[tuple[Counting, ...]] = get_args(Counting)


class RuleBasedTermination:
    """Ends a conversation that is too long, too empty or silent for too long.

    Args:
        max_turns: turns after which it is too long.
        max_stale_turns: silence it bears; more of it ends the conversation.
        counting: what is counted as silence.
    """

    name: Final = "termination"
    per_turn: Final = True

    def __init__(
        self,
        max_turns: int = 20,
        max_stale_turns: int = MAX_STALE_TURNS,
        *,
        counting: Counting = "turns",
    ) -> None:
        if max_turns < 1 or max_stale_turns < 0:
            raise ConfigurationError(
                f"max_turns must be at least 1 and max_stale_turns at least 0, "
                f"got {max_turns}, {max_stale_turns}"
            )
        self.max_turns, self.max_stale_turns = max_turns, max_stale_turns
        self.counting = one_of(COUNTINGS, counting, "way of counting")

    def evaluate(self, transcript: Transcript) -> Evaluation:
        """No scores; `terminated` is all reasons to end here, one after the other."""
        reasons = (
            TOO_LONG if transcript.turn >= self.max_turns else "",
            self._departures(transcript),
            STALE if self._is_stale(transcript) else "",
        )
        return Evaluation(source=self.name, terminated="".join(reasons))

    def _departures(self, transcript: Transcript) -> str:
        if self.counting == "messages and masks":
            last_two = islice((t for t in reversed(transcript.turns) if not t.masked), 2)
            gone = [t.seat for t in last_two if t.action.action_type == "leave"]
            return f"Agent {int(gone[0].removeprefix('agent_')) + 1} is leaving; " if gone else ""
        left = {t.seat for t in transcript.turns if t.action.action_type == "leave"}
        return TOO_FEW if len(transcript.names) - len(left) < FEWEST_SEATS else ""

    def _is_stale(self, transcript: Transcript) -> bool:
        if self.counting == "turns":
            return transcript.silent_turns > self.max_stale_turns
        silent = takewhile(bool, self._backwards(transcript))
        most = self.max_stale_turns + 1
        return sum(1 for _ in islice(silent, most)) == most

    def _backwards(self, transcript: Transcript) -> Iterator[bool]:
        """From the last message to the first, whether it was `none`."""
        turns = transcript.turns
        if self.counting == "messages":
            yield from (t.action.action_type == "none" for t in reversed(turns) if not t.masked)
            return
        seats = list(transcript.names)
        at = len(turns)
        for number in range(transcript.turn - 1, -1, -1):
            acted = {}
            while at and turns[at - 1].number == number:
                at -= 1
                acted[turns[at].seat] = turns[at].action.action_type
            yield from (acted.get(seat, "none") == "none" for seat in reversed(seats))
