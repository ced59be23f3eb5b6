"""The rules of the price game, its outcomes and its solution, against hand and brute force."""

import copy
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sales import price_params

from sotopia_env.games.price_negotiation import (
    PriceMove,
    PriceNegotiation,
    PriceParams,
    PriceState,
)
from sotopia_env.moves import Invalid
from sotopia_env.testing import check_game

GAME = PriceNegotiation()
SEATS = (0, 1)


def mirrored(params: PriceParams) -> PriceParams:
    """The same instance with the seats exchanged."""
    pairs = ("roles", "reservations", "targets")
    return params.model_copy(update={name: getattr(params, name)[::-1] for name in pairs})


def play(state: PriceState, *turns: dict[int, str] | tuple[int, str]) -> PriceState:
    """Say the texts in turn; every one must be a legal move."""
    for turn in turns:
        said = turn if isinstance(turn, dict) else dict([turn])
        moves = {}
        for seat, text in said.items():
            move = GAME.parse(text, state, seat)
            assert isinstance(move, PriceMove), move
            moves[seat] = move
        state = GAME.apply(state, moves)
    return state


def begin(**changes: object) -> PriceState:
    return GAME.start(price_params(**changes))


@st.composite
def instances(draw: st.DrawFn) -> PriceParams:
    high = draw(st.integers(2, 12))
    price = st.integers(0, high)
    floor, ceiling = draw(st.integers(0, high - 1)), draw(st.integers(1, high))
    hoped = draw(price.filter(lambda p: p > floor))
    dreamt = draw(price.filter(lambda p: p < ceiling))
    seller_first = draw(st.booleans())
    params = price_params(
        reservations=(floor, ceiling),
        targets=(hoped, dreamt),
        low=0,
        high=high,
        deadline=draw(st.integers(1, 7)),
    )
    return params if seller_first else mirrored(params)


@st.composite
def positions(draw: st.DrawFn) -> PriceState:
    """A position reached by random legal moves, before the end."""
    state = GAME.start(draw(instances()))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(0, 5))):
        movers = [seat for seat in SEATS if rng.random() < 0.6]
        drawn = {seat: GAME.sample_move(state, seat, rng) for seat in movers}
        after = GAME.apply(state, {seat: move for seat, move in drawn.items() if move})
        if GAME.is_over(after):
            break
        state = after
    return state


# -- deals by hand -------------------------------------------------------------------------------


def test_an_accepted_offer_is_a_deal_at_its_price() -> None:
    state = play(begin(), (0, "OFFER 55"), (1, "ACCEPT"))
    assert GAME.is_over(state)
    assert GAME.is_agreed(state)
    assert GAME.utilities(state) == (15.0, 5.0)
    assert GAME.solution(state.params).shares((15.0, 5.0)) == (0.75, 0.25)


def test_a_deal_outside_the_zone_is_a_loss_for_one_side() -> None:
    state = play(begin(), (1, "OFFER 30"), (0, "ACCEPT"))
    assert GAME.utilities(state) == (-10.0, 30.0)
    assert GAME.solution(state.params).shares((-10.0, 30.0)) == (-0.5, 1.5)


def test_a_later_offer_replaces_the_earlier_one() -> None:
    state = play(begin(), (0, "OFFER 70"), {}, (0, "OFFER 50"), (1, "ACCEPT"))
    assert GAME.utilities(state) == (10.0, 10.0)


def test_an_offer_stands_while_its_maker_only_talks() -> None:
    state = play(begin(), (0, "OFFER 50"), {}, {}, (1, "ACCEPT"))
    assert state.price == 50


def test_a_rejected_offer_is_gone() -> None:
    state = play(begin(), (0, "OFFER 50"), (1, "REJECT"))
    assert not GAME.is_over(state)
    assert GAME.parse("ACCEPT", state, 1) == Invalid("there is no offer of your partner to accept")


def test_a_final_bid_that_is_accepted_is_a_deal() -> None:
    assert play(begin(), (1, "FINAL_BID: 45"), (0, "ACCEPT")).price == 45


def test_a_final_bid_that_is_rejected_ends_the_talks() -> None:
    state = play(begin(), (1, "FINAL_BID: 45"), (0, "REJECT"))
    assert GAME.is_over(state)
    assert not GAME.is_agreed(state)
    assert GAME.utilities(state) == (0.0, 0.0)


def test_two_final_bids_that_meet_are_a_deal_halfway() -> None:
    state = play(begin(), (1, "FINAL_BID: 50"), (0, "FINAL_BID: 47"))
    assert state.price == 48.5
    assert GAME.utilities(state) == (8.5, 11.5)


def test_two_equal_final_bids_meet() -> None:
    assert play(begin(), (1, "FINAL_BID: 50"), (0, "FINAL_BID: 50")).price == 50


def test_two_final_bids_that_miss_each_other_end_the_talks() -> None:
    state = play(begin(), (1, "FINAL_BID: 50"), (0, "FINAL_BID: 51"))
    assert GAME.is_over(state)
    assert not GAME.is_agreed(state)


def test_a_seat_with_a_final_bid_may_still_take_an_earlier_offer() -> None:
    state = play(begin(), (1, "OFFER 45"), (0, "FINAL_BID: 70"), {}, (0, "ACCEPT"))
    assert state.price == 45


def test_a_silent_partner_leaves_a_final_bidder_without_moves() -> None:
    state = play(begin(), (0, "FINAL_BID: 50"), {})
    assert GAME.legal_moves(state, 0) == []
    assert GAME.sample_move(state, 0, np.random.default_rng(0)) is None


def test_without_a_deal_the_deadline_ends_the_game_with_nothing() -> None:
    state = play(begin(deadline=3), (0, "OFFER 50"), {})
    assert not GAME.is_over(state)
    state = GAME.apply(state, {})
    assert GAME.is_over(state)
    assert not GAME.is_agreed(state)
    assert GAME.utilities(state) == (0.0, 0.0)


def test_a_deal_in_the_last_turn_counts() -> None:
    state = play(begin(deadline=2), (0, "OFFER 50"), (1, "ACCEPT"))
    assert GAME.is_agreed(state)


# -- both seats at once --------------------------------------------------------------------------


def test_two_acceptances_at_once_meet_halfway() -> None:
    state = play(begin(), {0: "OFFER 56", 1: "OFFER 45"}, {0: "ACCEPT", 1: "ACCEPT"})
    assert state.price == 50.5


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_acceptance_takes_the_offer_that_stood_before_the_turn(order: tuple[int, int]) -> None:
    said = {0: "OFFER 90", 1: "ACCEPT"}
    state = play(begin(), (0, "OFFER 50"), {seat: said[seat] for seat in order})
    assert state.price == 50


@pytest.mark.parametrize("maker", SEATS)
def test_an_offer_made_while_the_old_one_is_rejected_stands(maker: int) -> None:
    said = {maker: "OFFER 52", 1 - maker: "REJECT"}
    for order in ((0, 1), (1, 0)):
        state = play(begin(), (maker, "OFFER 51"), {seat: said[seat] for seat in order})
        assert state.offers[maker] == 52


def test_an_acceptance_prevails_over_a_refusal_at_the_same_time() -> None:
    opened = play(begin(), {0: "FINAL_BID: 55", 1: "OFFER 45"})
    state = play(opened, {0: "ACCEPT", 1: "REJECT"})
    assert state.price == 45
    assert GAME.is_agreed(state)


@pytest.mark.parametrize(("ask", "bid", "price"), [(45, 55, 50), (55, 45, None)])
def test_final_bids_at_once_meet_or_miss(ask: int, bid: int, price: float | None) -> None:
    state = play(begin(), {0: f"FINAL_BID: {ask}", 1: f"FINAL_BID: {bid}"})
    assert state.price == price
    assert GAME.is_over(state)


# -- moves that do not count ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "seat", "text", "why"),
    [
        ((), 0, "ACCEPT", "there is no offer of your partner to accept"),
        ((), 0, "REJECT", "there is no offer of your partner to reject"),
        (((0, "OFFER 50"),), 0, "ACCEPT", "there is no offer of your partner to accept"),
        ((), 0, "OFFER 0", "0 is outside 1 to 100"),
        ((), 1, "FINAL_BID: 101", "101 is outside 1 to 100"),
        ((), 1, "OFFER 50.5", "prices are whole numbers, not 50.5"),
        (((0, "FINAL_BID: 50"), {}), 0, "FINAL_BID: 49", "you have already made your final bid"),
        (((0, "FINAL_BID: 50"), {}), 0, "OFFER 49", "you have already made your final bid"),
        (
            ((0, "FINAL_BID: 50"),),
            1,
            "OFFER 45",
            "your partner's bid is final; ACCEPT, REJECT or make a FINAL_BID",
        ),
    ],
)
def test_an_illegal_move_is_answered_with_its_reason(
    before: tuple[dict[int, str] | tuple[int, str], ...], seat: int, text: str, why: str
) -> None:
    assert GAME.parse(text, play(begin(), *before), seat) == Invalid(why)


def test_talk_is_no_move() -> None:
    assert GAME.parse("What about 50 euros?", begin(), 0) is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"roles": ("seller", "seller")}, "one seller and one buyer"),
        ({"low": 50}, "must lie in 50..100"),
        ({"high": 70}, "must lie in 1..70"),
        ({"low": -1}, "must lie in"),
        ({"deadline": 0}, "at least 1 turn"),
        ({"targets": (40, 20)}, "seller: target 40 is no better than 40"),
        ({"targets": (80, 61)}, "buyer: target 61 is no better than 60"),
        ({"extra": 1}, "Extra inputs"),
    ],
)
def test_an_instance_that_cannot_be_played_is_refused(
    changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        price_params(**changes)


# -- what a seat sees ----------------------------------------------------------------------------


def test_a_view_holds_own_values_and_the_public_course_only() -> None:
    state = play(begin(), (0, "FINAL_BID: 50"), (1, "FINAL_BID: 45"))
    seller, buyer = GAME.observe(state, 0), GAME.observe(state, 1)
    assert (seller.role, seller.reservation, seller.target) == ("seller", 40, 80)
    assert (buyer.role, buyer.reservation, buyer.target) == ("buyer", 60, 20)
    assert (seller.own_offer, seller.partner_offer) == (50, 45)
    assert (buyer.own_offer, buyer.partner_offer) == (45, 50)
    assert seller.partner_is_final
    assert seller.own_is_final
    assert seller.brief() == "seller limit 40 goal 80"
    assert (seller.turn, seller.deadline) == (2, 6)


# -- the solution --------------------------------------------------------------------------------


def brute_force(params: PriceParams) -> dict[str, object]:
    """All deals at whole and half prices, and the reference points found by comparing all pairs."""
    sells = params.roles.index("seller")
    floor, ceiling = params.reservations[sells], params.reservations[1 - sells]
    deals = {}
    for halves in range(2 * params.low, 2 * params.high + 1):
        price = Fraction(halves, 2)
        gains = (price - floor, ceiling - price)
        if min(gains) >= 0:
            deals[price] = gains if sells == 0 else gains[::-1]
    pairs = list(deals.values())
    undominated = [
        one
        for one in pairs
        if not any(a[0] >= one[0] and a[1] >= one[1] and a != one for a in pairs)
    ]
    if not deals:
        return {"frontier": set(), "nash": None, "sum": None, "ideal": (0, 0)}
    return {
        "frontier": {(float(a), float(b)) for a, b in undominated},
        "nash": max(deals.values(), key=lambda pair: pair[0] * pair[1]),
        "sum": max(a + b for a, b in deals.values()),
        "ideal": (max(a for a, _ in deals.values()), max(b for _, b in deals.values())),
    }


@given(instances())
def test_the_solution_agrees_with_comparing_all_deals(params: PriceParams) -> None:
    solution, expected = GAME.solution(params), brute_force(params)
    assert set(solution.frontier) == expected["frontier"]
    assert solution.has_agreement_zone == bool(expected["frontier"])
    assert solution.ideal == expected["ideal"]
    assert solution.disagreement == (0.0, 0.0)
    assert solution.nash == expected["nash"]
    assert (None if solution.utilitarian is None else sum(solution.utilitarian)) == expected["sum"]


def test_the_solution_of_the_usual_instance() -> None:
    solution = GAME.solution(price_params())
    assert solution.ideal == (20.0, 20.0)
    assert solution.nash == solution.utilitarian == (10.0, 10.0)
    assert len(solution.frontier) == 41
    assert solution.best == (PriceMove("OFFER", 60), PriceMove("OFFER", 40))


def test_where_nobody_can_gain_a_share_means_nothing() -> None:
    impossible = GAME.solution(price_params(reservations=(60, 40)))
    assert not impossible.has_agreement_zone
    assert impossible.best == ()
    assert impossible.shares((0.0, 0.0)) is None
    single = GAME.solution(price_params(reservations=(50, 50)))
    assert single.frontier == ((0.0, 0.0),)
    assert single.shares((0.0, 0.0)) is None


@given(instances(), st.data())
def test_a_deal_divides_the_surplus_and_its_shares_add_up_to_one(
    params: PriceParams, data: st.DataObject
) -> None:
    price = data.draw(st.integers(params.low, params.high))
    state = play(GAME.start(params), (0, f"OFFER {price}"))
    utilities = GAME.utilities(GAME.apply(state, {1: PriceMove("ACCEPT")}))
    sells = params.roles.index("seller")
    surplus = params.reservations[1 - sells] - params.reservations[sells]
    assert sum(utilities) == surplus
    assert utilities[sells] == price - params.reservations[sells]
    shares = GAME.solution(params).shares(utilities)
    if surplus > 0:
        assert shares is not None
        assert sum(shares) == pytest.approx(1.0)
    else:
        assert shares is None


@given(instances())
def test_a_seat_reaches_its_ideal_with_its_best_move(params: PriceParams) -> None:
    solution = GAME.solution(params)
    for seat, move in enumerate(solution.best):
        offered = GAME.apply(GAME.start(params), {seat: move})
        utilities = GAME.utilities(GAME.apply(offered, {1 - seat: PriceMove("ACCEPT")}))
        assert utilities[seat] == solution.ideal[seat]
        assert utilities[1 - seat] >= 0


# -- laws ----------------------------------------------------------------------------------------


@given(instances(), st.integers(0, 2**32))
def test_exchanging_the_seats_exchanges_everything(params: PriceParams, seed: int) -> None:
    one, other = GAME.solution(params), GAME.solution(mirrored(params))
    assert {pair[::-1] for pair in one.frontier} == set(other.frontier)
    assert one.best == other.best[::-1]
    assert one.nash == other.nash
    rng = np.random.default_rng(seed)
    state, reflected = GAME.start(params), GAME.start(mirrored(params))
    while not GAME.is_over(state):
        moves = {seat: GAME.sample_move(state, seat, rng) for seat in SEATS if rng.random() < 0.7}
        moves = {seat: move for seat, move in moves.items() if move}
        state = GAME.apply(state, moves)
        reflected = GAME.apply(reflected, {1 - seat: move for seat, move in moves.items()})
    assert GAME.is_over(reflected)
    assert GAME.utilities(state) == GAME.utilities(reflected)[::-1]


@given(positions())
def test_exactly_the_legal_moves_can_be_said(state: PriceState) -> None:
    params = state.params
    prices = range(params.low - 1 if params.low else 0, params.high + 2)
    everything = [
        *(PriceMove(keyword, price) for keyword, price in product(("OFFER", "FINAL_BID"), prices)),
        PriceMove("ACCEPT"),
        PriceMove("REJECT"),
    ]
    for seat in SEATS:
        legal = GAME.legal_moves(state, seat)
        said = [GAME.parse(GAME.render(move), state, seat) for move in everything]
        assert {m for m in said if isinstance(m, PriceMove)} == set(legal)
        assert len(legal) == len(set(legal))


@given(positions(), st.integers(0, 2**32))
def test_no_legal_move_raises_or_changes_the_position_it_is_made_in(
    state: PriceState, seed: int
) -> None:
    before = copy.deepcopy(state)
    rng = np.random.default_rng(seed)
    for seat in SEATS:
        other = GAME.sample_move(state, 1 - seat, rng)
        for move in GAME.legal_moves(state, seat):
            for moves in ({seat: move}, {seat: move} | ({1 - seat: other} if other else {})):
                after = GAME.apply(state, moves)
                assert after.turn == state.turn + 1
                assert GAME.is_agreed(after) <= GAME.is_over(after)
    assert state == before


@given(instances(), st.integers(0, 2**32))
def test_the_game_keeps_the_laws_of_games(params: PriceParams, seed: int) -> None:
    check_game(GAME, params, plays=3, seed=seed)
