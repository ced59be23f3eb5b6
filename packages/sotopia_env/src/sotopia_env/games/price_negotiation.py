"""Bilateral price negotiation with private reservation values and a deadline.

Moves: `OFFER n`, `FINAL_BID: n`, `ACCEPT`, `REJECT`. An offer stands until its maker replaces it or
the partner rejects it. A final bid is the maker's last word: the partner accepts it, rejects it (no
deal), or answers with a final bid of their own, and then there is a deal, halfway, exactly if the
two bids meet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final, Literal, TypeAlias

import numpy as np
from pydantic import ConfigDict, model_validator

from ..moves import Invalid, MoveGrammar, read_amount
from ..profiles import GameParams
from .protocol import Solution, Stakes

Role: TypeAlias = Literal["seller", "buyer"]
Keyword: TypeAlias = Literal["OFFER", "FINAL_BID", "ACCEPT", "REJECT"]

GRAMMAR: Final = MoveGrammar(
    {"OFFER": "amount", "FINAL_BID": "amount", "ACCEPT": "nothing", "REJECT": "nothing"}
)


class PriceParams(GameParams):
    """One instance. All amounts are whole units of `currency`; pairs are indexed by seat."""

    model_config = ConfigDict(defer_build=True, extra="forbid")

    family: Literal["price_negotiation"] = "price_negotiation"
    item: str
    currency: str
    roles: tuple[Role, Role]
    reservations: tuple[int, int]
    """Private: the lowest price the seller, the highest price the buyer should take."""
    targets: tuple[int, int]
    """Private: the price each hopes for."""
    low: int
    high: int
    """Lowest and highest price that may be named."""
    deadline: int
    """Turns, of either seat, after which there is no deal."""

    @model_validator(mode="after")
    def _check(self) -> "PriceParams":
        if set(self.roles) != {"seller", "buyer"}:
            raise ValueError(f"roles must be one seller and one buyer, got {self.roles}")
        named = (*self.reservations, *self.targets)
        if not 0 <= self.low < self.high or any(not self.low <= v <= self.high for v in named):
            raise ValueError(f"values {named} must lie in {self.low}..{self.high}")
        for role, reservation, target in zip(
            self.roles, self.reservations, self.targets, strict=True
        ):
            if (target <= reservation) if role == "seller" else (target >= reservation):
                raise ValueError(f"{role}: target {target} is no better than {reservation}")
        if self.deadline < 1:
            raise ValueError(f"deadline must be at least 1 turn, got {self.deadline}")
        return self

    @property
    def surplus(self) -> int:
        """What there is to divide: buyer's minus seller's reservation value; may be negative."""
        first, second = self.reservations
        return second - first if self.roles[0] == "seller" else first - second


@dataclass(frozen=True, slots=True)
class PriceMove:
    """A formal move; `amount` is the price of an offer or final bid, 0 otherwise."""

    keyword: Keyword
    amount: int = 0


@dataclass(slots=True)
class PriceState:
    """A position; never changed after it was made."""

    params: PriceParams
    turn: int = 0
    offers: tuple[int | None, int | None] = (None, None)
    """Standing offer of each seat."""
    finals: tuple[bool, bool] = (False, False)
    """Whether the standing offer is that seat's last word."""
    price: float | None = None
    """Price of the deal, once there is one."""
    is_closed: bool = False
    """A final bid was refused or missed: no deal is possible any more."""


@dataclass(slots=True)
class PriceView:
    """What one seat knows; made anew for whoever asks."""

    role: Role
    reservation: int
    target: int
    low: int
    high: int
    turn: int
    deadline: int
    own_offer: int | None
    partner_offer: int | None
    partner_is_final: bool
    own_is_final: bool

    def brief(self) -> str:
        """Own role and private values in a few words."""
        return f"{self.role} limit {self.reservation} goal {self.target}"

    def standing(self) -> str:
        """Nothing: what a price is worth is plain from the limit."""
        return ""


class PriceNegotiation:
    """Rules of the family; for the moves see the module. Utility is the gain over reservation."""

    family: ClassVar[str] = "price_negotiation"
    seats: ClassVar[int] = 2
    grammar: ClassVar[MoveGrammar] = GRAMMAR
    has_chance: ClassVar[bool] = False
    params_type: ClassVar[type[PriceParams]] = PriceParams

    def start(self, params: PriceParams, rng: np.random.Generator | None = None) -> PriceState:
        return PriceState(params)

    def resample(self, params: PriceParams, seat: int, rng: np.random.Generator) -> PriceParams:
        lower, upper = sorted(rng.choice(params.high - params.low + 1, 2, replace=False).tolist())
        limits = (lower + params.low, upper + params.low)  # the other's reservation and target
        reservation, target = limits if params.roles[1 - seat] == "seller" else limits[::-1]
        own = (params.reservations[seat], params.targets[seat])
        pairs = (own, (reservation, target)) if seat == 0 else ((reservation, target), own)
        reservations, targets = zip(*pairs, strict=True)
        return params.model_copy(update={"reservations": reservations, "targets": targets})

    def acting(self, state: PriceState) -> Sequence[int]:
        return (0, 1)

    def observe(self, state: PriceState, seat: int) -> PriceView:
        params, partner = state.params, 1 - seat
        return PriceView(
            params.roles[seat],
            params.reservations[seat],
            params.targets[seat],
            params.low,
            params.high,
            state.turn,
            params.deadline,
            state.offers[seat],
            state.offers[partner],
            state.finals[partner],
            state.finals[seat],
        )

    def parse(self, text: str, state: PriceState, seat: int) -> PriceMove | Invalid | None:
        found = GRAMMAR.find(text)
        if found is None or isinstance(found, Invalid):
            return found
        keyword = found.keyword
        if keyword in _PRICED:
            amount = read_amount(found.operand)
            if isinstance(amount, Invalid):
                return amount
            if not isinstance(amount, int):
                return Invalid(f"prices are whole numbers, not {found.operand}")
            params = state.params
            if not params.low <= amount <= params.high:
                return Invalid(f"{amount} is outside {params.low} to {params.high}")
            if state.finals[seat]:
                return Invalid("you have already made your final bid")
            if state.finals[1 - seat] and keyword == "OFFER":
                return Invalid("your partner's bid is final; ACCEPT, REJECT or make a FINAL_BID")
            return _move(_PRICED[keyword], amount)
        if state.offers[1 - seat] is None:
            return Invalid(f"there is no offer of your partner to {keyword.lower()}")
        return _ACCEPT if keyword == "ACCEPT" else _REJECT

    def legal_moves(self, state: PriceState, seat: int) -> list[PriceMove]:
        prices = range(state.params.low, state.params.high + 1)
        moves = [_ACCEPT, _REJECT] if state.offers[1 - seat] is not None else []
        if not state.finals[seat]:
            if not state.finals[1 - seat]:
                moves += [PriceMove("OFFER", price) for price in prices]
            moves += [PriceMove("FINAL_BID", price) for price in prices]
        return moves

    def sample_move(
        self, state: PriceState, seat: int, rng: np.random.Generator
    ) -> PriceMove | None:
        kinds: list[Keyword] = ["ACCEPT", "REJECT"] if state.offers[1 - seat] is not None else []
        if not state.finals[seat]:
            kinds += ["FINAL_BID"] if state.finals[1 - seat] else ["OFFER", "FINAL_BID"]
        if not kinds:
            return None
        keyword = kinds[int(rng.integers(len(kinds)))]
        if keyword in ("ACCEPT", "REJECT"):
            return PriceMove(keyword)
        return PriceMove(keyword, int(rng.integers(state.params.low, state.params.high + 1)))

    def render(self, move: PriceMove) -> str:
        if move.keyword == "OFFER":
            return f"OFFER {move.amount}"
        return f"FINAL_BID: {move.amount}" if move.keyword == "FINAL_BID" else move.keyword

    def apply(self, state: PriceState, moves: Mapping[int, PriceMove]) -> PriceState:
        offers, finals = state.offers, state.finals
        accepted: list[int] = []
        is_closed = False
        for seat, move in moves.items():
            keyword = move.keyword
            if keyword == "OFFER":
                offers = (move.amount, offers[1]) if seat == 0 else (offers[0], move.amount)
            elif keyword == "FINAL_BID":
                offers = (move.amount, offers[1]) if seat == 0 else (offers[0], move.amount)
                finals = (True, finals[1]) if seat == 0 else (finals[0], True)
            elif keyword == "ACCEPT":
                standing = state.offers[1 - seat]
                if standing is not None:
                    accepted.append(standing)
            else:
                is_closed = is_closed or state.finals[1 - seat]
                partner = moves.get(1 - seat)
                if partner is None or partner.keyword not in _PRICED:  # what it made now stands
                    offers = (offers[0], None) if seat == 0 else (None, offers[1])
        price: float | None = None
        if accepted:  # two acceptances at once meet halfway
            price = accepted[0] if len(accepted) == 1 else sum(accepted) / 2
            is_closed = False
        elif finals == (True, True) and not is_closed:
            price = self._meeting(state.params, offers)
            is_closed = price is None
        return PriceState(state.params, state.turn + 1, offers, finals, price, is_closed)

    def _meeting(self, params: PriceParams, offers: tuple[int | None, int | None]) -> float | None:
        seller = params.roles.index("seller")
        ask, bid = offers[seller], offers[1 - seller]
        if ask is None or bid is None or bid < ask:
            return None
        return (ask + bid) / 2

    def is_over(self, state: PriceState) -> bool:
        return state.price is not None or state.is_closed or state.turn >= state.params.deadline

    def is_agreed(self, state: PriceState) -> bool:
        return state.price is not None

    def utilities(self, state: PriceState) -> tuple[float, float]:
        """Gain of each seat over its reservation value, in the currency; 0 without a deal."""
        if state.price is None:
            return (0.0, 0.0)
        params = state.params
        gain = state.price - params.reservations[0]
        other = state.price - params.reservations[1]
        return (gain, -other) if params.roles[0] == "seller" else (-gain, other)

    def stakes(self, params: PriceParams) -> Stakes:
        """Nothing without a deal, the whole surplus at best."""
        surplus = float(max(0, params.surplus))
        return Stakes(disagreement=(0.0, 0.0), ideal=(surplus, surplus))

    def solution(self, params: PriceParams) -> Solution:
        """Zone of agreement, frontier and the Nash and utilitarian points.

        Every price in the zone, half prices included, is Pareto-optimal and gives the same sum; the
        Nash point halves the surplus.
        """
        return _solution(params)


@lru_cache(maxsize=4096)
def _move(keyword: Keyword, amount: int) -> PriceMove:
    return PriceMove(keyword, amount)


@lru_cache(maxsize=256)
def _solution(params: PriceParams) -> Solution:
    seller = params.roles.index("seller")
    floor, ceiling = params.reservations[seller], params.reservations[1 - seller]
    surplus = float(params.surplus)
    if surplus < 0:
        return Solution(
            disagreement=(0.0, 0.0), ideal=(0.0, 0.0), frontier=(), nash=None, utilitarian=None
        )
    points = []
    for halves in range(2 * floor, 2 * ceiling + 1):  # two final bids meet halfway
        pair = (halves / 2 - floor, ceiling - halves / 2)
        points.append(pair if seller == 0 else pair[::-1])
    half = (surplus / 2, surplus / 2)
    at_floor, at_ceiling = PriceMove("OFFER", floor), PriceMove("OFFER", ceiling)
    return Solution(
        disagreement=(0.0, 0.0),
        ideal=(surplus, surplus),
        frontier=tuple(points),
        nash=half,
        utilitarian=half,
        best=(at_ceiling, at_floor) if seller == 0 else (at_floor, at_ceiling),
    )


_ACCEPT: Final = PriceMove("ACCEPT")
_REJECT: Final = PriceMove("REJECT")
_PRICED: Final[dict[str, Literal["OFFER", "FINAL_BID"]]] = {
    "OFFER": "OFFER",
    "FINAL_BID": "FINAL_BID",
}
