"""Aspirations into moves and offers into worth, one bargainer a family."""

from typing import Any, Final, Protocol, TypeVar

import numpy as np

from ...games.price_negotiation import Keyword, PriceMove, PriceNegotiation, PriceView
from ...games.protocol import Game
from ...games.resource_allocation import (
    AllocationMove,
    AllocationView,
    ResourceAllocation,
    allocations,
)

V = TypeVar("V", contravariant=True)


class Bargainer(Protocol[V]):
    """What a tactic needs to know of a family.

    Worth is 0 at the seat's reservation (or disagreement) value and 1 at its target.
    """

    @property
    def game(self) -> Game[Any, Any, Any, Any]:
        """The rules, which render the moves."""

    def worth_of_partner_offer(self, view: V) -> float | None:
        """What the partner's standing offer is worth; `None` without one."""

    def is_final(self, view: V) -> bool:
        """Whether the partner's standing offer is its last."""

    def offer(self, view: V, aspiration: float, rng: np.random.Generator) -> object | None:
        """The move that asks for `aspiration`; `None` after one's own last word."""

    def answer(self, view: V, *, accepts: bool) -> object | None:
        """The move that takes or refuses a standing offer; `None` where refusing needs no move."""

    def sample(self, view: V, rng: np.random.Generator) -> object | None:
        """A random legal move, its kind first; `None` when there is none."""


class PriceBargainer:
    """Linear between the reservation price and the target price."""

    game = PriceNegotiation()

    def worth_of_partner_offer(self, view: PriceView) -> float | None:
        if view.partner_offer is None:
            return None
        return (view.partner_offer - view.reservation) / (view.target - view.reservation)

    def is_final(self, view: PriceView) -> bool:
        return view.partner_is_final

    def offer(
        self, view: PriceView, aspiration: float, rng: np.random.Generator
    ) -> PriceMove | None:
        if view.own_is_final:
            return None
        wish = view.reservation + aspiration * (view.target - view.reservation)
        amount = min(view.high, max(view.low, round(wish)))
        return PriceMove("FINAL_BID" if view.partner_is_final else "OFFER", amount)

    def answer(self, view: PriceView, *, accepts: bool) -> PriceMove | None:
        if accepts:
            return PriceMove("ACCEPT")
        may_refuse = view.own_is_final and view.partner_offer is not None
        return PriceMove("REJECT") if may_refuse else None

    def sample(self, view: PriceView, rng: np.random.Generator) -> PriceMove | None:
        kinds: list[Keyword] = [] if view.partner_offer is None else ["ACCEPT", "REJECT"]
        if not view.own_is_final:
            kinds += ["FINAL_BID"] if view.partner_is_final else ["OFFER", "FINAL_BID"]
        if not kinds:
            return None
        kind = kinds[int(rng.integers(len(kinds)))]
        priced = kind in ("OFFER", "FINAL_BID")
        return PriceMove(kind, int(rng.integers(view.low, view.high + 1)) if priced else 0)


class AllocationBargainer:
    """Among divisions worth the aspiration, proposes one that leaves the partner the most units.

    The target is to keep everything.
    """

    game = ResourceAllocation()

    def worth_of_partner_offer(self, view: AllocationView) -> float | None:
        if view.partner_proposal is None:
            return None
        return self._worth(view, view.value(view.rest(view.partner_proposal)))

    def is_final(self, view: AllocationView) -> bool:
        return False

    def offer(
        self, view: AllocationView, aspiration: float, rng: np.random.Generator
    ) -> AllocationMove:
        keeps = allocations(view.issues)
        values = keeps @ np.array(view.weights)
        top = int(values.max())
        wish = view.disagreement + min(1.0, aspiration) * (top - view.disagreement)
        enough = keeps[values >= wish - 1e-9]
        scale = np.array([issue.quantity for issue in view.issues])
        kept = (enough / scale).sum(axis=1)
        best = enough[kept <= kept.min() + 1e-9]
        choice = best[int(rng.integers(len(best)))]
        return AllocationMove("PROPOSE", tuple(int(amount) for amount in choice))

    def answer(self, view: AllocationView, *, accepts: bool) -> AllocationMove | None:
        return AllocationMove("ACCEPT") if accepts else None

    def sample(self, view: AllocationView, rng: np.random.Generator) -> AllocationMove:
        if view.partner_proposal is not None and rng.random() < 0.5:
            return AllocationMove("ACCEPT" if rng.random() < 0.5 else "REJECT")
        keeps = allocations(view.issues)
        keep = tuple(int(amount) for amount in keeps[int(rng.integers(len(keeps)))])
        return AllocationMove("PROPOSE" if rng.random() < 0.5 else "I_CLAIM", keep)

    def _worth(self, view: AllocationView, value: int) -> float:
        everything = sum(
            w * issue.quantity for w, issue in zip(view.weights, view.issues, strict=True)
        )
        return (value - view.disagreement) / (everything - view.disagreement)


BARGAINERS: Final[dict[type, Bargainer[Any]]] = {  # each is asked with its own view only
    PriceView: PriceBargainer(),
    AllocationView: AllocationBargainer(),
}
