"""The checks for users' games find the defects they are for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sotopia_env.games.price_negotiation import (
    PriceMove,
    PriceNegotiation,
    PriceParams,
    PriceState,
    PriceView,
)
from sotopia_env.games.protocol import Solution, Stakes
from sotopia_env.testing import check_game

PARAMS = PriceParams(
    item="lamp",
    currency="euros",
    roles=("seller", "buyer"),
    reservations=(4, 9),
    targets=(12, 2),
    low=1,
    high=15,
    deadline=6,
)


class ChangesItsState(PriceNegotiation):
    def apply(self, state: PriceState, moves: Mapping[int, PriceMove]) -> PriceState:
        after = super().apply(state, moves)
        state.turn += 1
        return after


class NeverEnds(PriceNegotiation):
    def is_over(self, state: PriceState) -> bool:
        return False

    def apply(self, state: PriceState, moves: Mapping[int, PriceMove]) -> PriceState:
        return PriceState(state.params)


class ShowsTheLimitOfTheOther(PriceNegotiation):
    def observe(self, state: PriceState, seat: int) -> PriceView:
        view = super().observe(state, seat)
        view.target = state.params.reservations[1 - seat]
        return view


class MumblesItsMoves(PriceNegotiation):
    def render(self, move: PriceMove) -> str:
        return f"I hereby {super().render(move)}"


class HearsMovesInProse(PriceNegotiation):
    def parse(self, text: str, state: PriceState, seat: int) -> Any:
        return super().parse(text, state, seat) or PriceMove("OFFER", 5)


class SamplesWhatIsIllegal(PriceNegotiation):
    def sample_move(self, state: PriceState, seat: int, rng: np.random.Generator) -> PriceMove:
        return PriceMove("OFFER", 99)


class PaysTooMuch(PriceNegotiation):
    def utilities(self, state: PriceState) -> tuple[float, float]:
        first, second = super().utilities(state)
        return (first + 10, second + 10) if self.is_agreed(state) else (first, second)


class PaysNoNumber(PriceNegotiation):
    def utilities(self, state: PriceState) -> tuple[float, float]:
        return (float("nan"), 0.0)


class PaysForNothing(PriceNegotiation):
    def utilities(self, state: PriceState) -> tuple[float, float]:
        return super().utilities(state) if self.is_agreed(state) else (1.0, 1.0)


class DreamsOfMore(PriceNegotiation):
    def solution(self, params: PriceParams) -> Solution:
        return replace(super().solution(params), ideal=(100.0, 100.0))

    def stakes(self, params: PriceParams) -> Stakes:
        return replace(super().stakes(params), ideal=(100.0, 100.0))


class PaysByOtherStakes(PriceNegotiation):
    def stakes(self, params: PriceParams) -> Stakes:
        return replace(super().stakes(params), ideal=(100.0, 100.0))


class MissesTheNashPoint(PriceNegotiation):
    def solution(self, params: PriceParams) -> Solution:
        return replace(super().solution(params), nash=(5.0, 0.0))


class StartsAtRandom(PriceNegotiation):
    starts = 0

    def start(self, params: PriceParams, rng: np.random.Generator | None = None) -> PriceState:
        StartsAtRandom.starts += 1
        return PriceState(params, turn=StartsAtRandom.starts % 2)


def test_a_sound_game_passes() -> None:
    check_game(PriceNegotiation(), PARAMS, plays=50)


@pytest.mark.parametrize(
    ("game", "complaint"),
    [
        (ChangesItsState, r"apply\(\) changed the state"),
        (NeverEnds, "a play goes on after"),
        (MumblesItsMoves, "is the text of"),
        (HearsMovesInProse, "is no move, but reads as"),
        (SamplesWhatIsIllegal, "not legal"),
        (PaysTooMuch, "beats the"),
        (PaysNoNumber, "not finite"),
        (PaysForNothing, "no agreement gives"),
        (DreamsOfMore, "is not the best of each"),
        (PaysByOtherStakes, r"solution\(\) and stakes\(\) differ"),
        (MissesTheNashPoint, "beats the Nash point"),
        (StartsAtRandom, "no function of params"),
        (ShowsTheLimitOfTheOther, "can tell the instance that resample"),
    ],
)
def test_a_defect_of_a_game_is_found(game: type[PriceNegotiation], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_game(game(), PARAMS, plays=50)
