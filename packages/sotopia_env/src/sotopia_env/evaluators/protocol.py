"""What an evaluator is."""

from collections.abc import Awaitable
from typing import Protocol

from ..episode import Evaluation, Transcript


class Evaluator(Protocol):
    """Judges a transcript by a rule. It raises only `SotopiaError`, and never guesses a score.

    One with an attribute `per_turn` that is true is asked after every turn, and its scores are for
    that turn; it should look at the end of the transcript only, and owes a seat that has left no
    score. All others are asked at the end.
    """

    @property
    def name(self) -> str:
        """Short name; the `source` of its evaluations."""

    def evaluate(self, transcript: Transcript) -> Evaluation:
        """Scores of every seat, or an unscored evaluation with its reason."""


class Judge(Protocol):
    """An evaluator that waits, for a model or a person. It may be `per_turn` too."""

    @property
    def name(self) -> str:
        """Short name; the `source` of its evaluations."""

    def evaluate(self, transcript: Transcript) -> Awaitable[Evaluation]:
        """Scores of every seat, or an unscored evaluation with its reason."""
