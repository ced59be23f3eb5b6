"""What an evaluator is."""

from typing import Protocol

from ..episode import Evaluation, Transcript


class Evaluator(Protocol):
    """Judges a transcript by a rule. It raises only `SotopiaError`, and never guesses a score."""

    @property
    def name(self) -> str:
        """Short name; the `source` of its evaluations."""

    def evaluate(self, transcript: Transcript) -> Evaluation:
        """Scores of every seat, or an unscored evaluation with its reason."""
