"""Evaluators: transcript in, scores by seat and dimension out, or unscored with the reason."""

from .outcome import GameOutcome
from .protocol import Evaluator

__all__ = ["Evaluator", "GameOutcome"]
