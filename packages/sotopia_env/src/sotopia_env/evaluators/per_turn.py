"""Evaluators that score every turn as it is played."""

from dataclasses import dataclass
from typing import ClassVar

from ..episode import Evaluation, Transcript


@dataclass(frozen=True, slots=True)
class InvalidMoves:
    """Scores `invalid`: -1 for a seat whose action of this turn did not count, 0 for the others."""

    name: ClassVar[str] = "conduct"
    per_turn: ClassVar[bool] = True

    def evaluate(self, transcript: Transcript) -> Evaluation:
        """Scores of the last turn."""
        scores = {seat: {"invalid": 0.0} for seat in transcript.names}
        number = transcript.turn - 1
        for turn in reversed(transcript.turns):
            if turn.number != number:
                break
            if turn.invalid is not None:
                scores[turn.seat]["invalid"] = -1.0
        return Evaluation(source=self.name, scores=scores)
