"""Evaluators: transcript in, scores by seat and dimension out, or unscored with the reason."""

from .deception import DeceptionMetrics
from .dimensions import RUBRICS, Dimension, rubric
from .outcome import GameOutcome
from .per_turn import InvalidMoves
from .protocol import Evaluator, Judge
from .termination import RuleBasedTermination

__all__ = [
    "RUBRICS",
    "DeceptionMetrics",
    "Dimension",
    "Evaluator",
    "GameOutcome",
    "InvalidMoves",
    "Judge",
    "RuleBasedTermination",
    "rubric",
]
