"""The exact outcome of a verifiable game as scores; formal moves alone decide them."""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

from ..episode import Evaluation, Transcript

_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class GameOutcome:
    """Scores `utility`, `share` and `win` of each seat from the rules of the game.

    - `utility`: in the game's own units.
    - `share`: gain over disagreement as a fraction of the most that seat could have gained from a
      partner who refuses nothing above its own disagreement value; below 0 is a deal worse than
      none. Where some seat could gain nothing there is nothing to measure in, and only the sign of
      the gain counts: 0 for walking away, which is right there, -1 for a loss, +1 for a gain.
    - `win`: +1 above a share of one half, -1 below, 0 at exactly one half. Without an agreement
      both lose where one was possible; where none was it is the share. In a game of teams, +1 for
      the winners, -1 for the losers, 0 if nobody has won.
    - `agreement`: 1 or 0, where the game is about one.
    """

    name: ClassVar[str] = "outcome"

    def evaluate(self, transcript: Transcript) -> Evaluation:
        """Scores of every seat; unscored without a game, and before its end."""
        game, state = transcript.game, transcript.game_state
        if game is None:
            return Evaluation(source=self.name, unscored="the scenario has no verifiable game")
        if transcript.outcome is None:
            return Evaluation(source=self.name, unscored="the game is not over")
        utilities = game.utilities(state)
        stakes = game.stakes(state.params)
        shares = stakes.shares(utilities)
        is_contest = getattr(game, "is_phased", False)
        agreement = float(game.is_agreed(state))
        scores: dict[str, dict[str, float]] = {}
        reasons: dict[str, str] = {}
        for index, seat in enumerate(transcript.names):
            utility = utilities[index]
            scores[seat] = score = {"utility": utility}
            if is_contest:
                score["win"] = score["share"] = _sign(utility)
                reasons[seat] = transcript.ending or "nobody has won"
                continue
            score["agreement"] = agreement
            if shares is None:
                base = stakes.disagreement[index]
                score["share"] = score["win"] = _sign(utility - base)
                why = f"{utility:g} against {base:g}, nothing was to be gained"
            else:
                score["share"] = share = shares[index]
                score["win"] = _sign(share - _HALF)
                why = f"{utility:g}, {share:.0%} of the most that could be gained"
            reasons[seat] = f"{transcript.outcome}: {why}"
        return Evaluation(source=self.name, scores=scores, reasons=reasons)


def _sign(value: float) -> float:
    return 0.0 if value == 0 else math.copysign(1.0, value)
