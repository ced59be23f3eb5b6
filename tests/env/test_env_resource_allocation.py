"""The rules of the division game, its outcomes and its solution, against hand and brute force."""

import copy
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sotopia_env.games.resource_allocation import (
    AllocationMove,
    AllocationParams,
    AllocationState,
    ResourceAllocation,
    allocations,
)
from sotopia_env.moves import Invalid
from sotopia_env.testing import check_game

GAME = ResourceAllocation()
SEATS = (0, 1)


def division(**changes: object) -> AllocationParams:
    """Two books and one hat, two balls; to both everything is worth 10."""
    usual: dict[str, object] = {
        "issues": (
            {"name": "books", "quantity": 2},
            {"name": "hats", "quantity": 1},
            {"name": "balls", "quantity": 2},
        ),
        "weights": ((4, 2, 0), (1, 2, 3)),
        "deadline": 6,
    }
    return AllocationParams.model_validate(usual | changes)


def mirrored(params: AllocationParams) -> AllocationParams:
    """The same instance with the seats exchanged."""
    pairs = ("weights", "disagreement")
    return params.model_copy(update={name: getattr(params, name)[::-1] for name in pairs})


def play(state: AllocationState, *turns: dict[int, str] | tuple[int, str]) -> AllocationState:
    """Say the texts in turn; every one must be a legal move."""
    for turn in turns:
        said = turn if isinstance(turn, dict) else dict([turn])
        moves = {}
        for seat, text in said.items():
            move = GAME.parse(text, state, seat)
            assert isinstance(move, AllocationMove), move
            moves[seat] = move
        state = GAME.apply(state, moves)
    return state


def begin(**changes: object) -> AllocationState:
    return GAME.start(division(**changes))


@st.composite
def instances(draw: st.DrawFn) -> AllocationParams:
    count = draw(st.integers(1, 3))
    issues = []
    for index in range(count):
        step = draw(st.sampled_from([1, 1, 2]))
        quantity = step * draw(st.integers(1, 3))
        issues.append({"name": f"good{index}", "quantity": quantity, "step": step})
    weights, outside = [], []
    for _ in SEATS:
        row = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count).filter(any))
        everything = sum(w * issue["quantity"] for w, issue in zip(row, issues, strict=True))
        weights.append(row)
        outside.append(draw(st.integers(0, everything - 1)))
    return division(
        issues=issues, weights=weights, disagreement=outside, deadline=draw(st.integers(1, 6))
    )


@st.composite
def positions(draw: st.DrawFn) -> AllocationState:
    """A position reached by random legal moves, before the end."""
    state = GAME.start(draw(instances()))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(0, 4))):
        movers = [seat for seat in SEATS if rng.random() < 0.6]
        after = GAME.apply(state, {seat: GAME.sample_move(state, seat, rng) for seat in movers})
        if GAME.is_over(after):
            break
        state = after
    return state


# -- agreements by hand --------------------------------------------------------------------------


def test_an_accepted_proposal_gives_the_partner_the_rest() -> None:
    state = play(begin(), (0, "PROPOSE 2 0 0"), (1, "ACCEPT"))
    assert state.division == ((2, 0, 0), (0, 1, 2))
    assert GAME.is_over(state)
    assert GAME.is_agreed(state)
    assert GAME.utilities(state) == (8.0, 8.0)
    assert GAME.solution(state.params).shares((8.0, 8.0)) == (0.8, 0.8)


def test_the_proposal_of_the_second_seat_names_what_that_seat_keeps() -> None:
    state = play(begin(), (1, "PROPOSE 1 1 2"), (0, "ACCEPT"))
    assert state.division == ((1, 0, 0), (1, 1, 2))
    assert GAME.utilities(state) == (4.0, 9.0)


def test_claims_that_fit_are_settled_at_once_and_what_nobody_claims_is_lost() -> None:
    state = play(begin(), (0, "I_CLAIM: 1 0 0"), (1, "I_CLAIM: 0 1 2"))
    assert GAME.is_agreed(state)
    assert state.division == ((1, 0, 0), (0, 1, 2))
    assert GAME.utilities(state) == (4.0, 8.0)


def test_claims_that_do_not_fit_stand_until_one_is_changed() -> None:
    state = play(begin(), (0, "I_CLAIM: 2 1 0"), (1, "I_CLAIM: 0 1 2"))
    assert not GAME.is_over(state)
    assert state.claims == ((2, 1, 0), (0, 1, 2))
    state = play(state, (0, "I_CLAIM: 2 0 0"))
    assert GAME.utilities(state) == (8.0, 8.0)


def test_a_claim_cannot_be_accepted() -> None:
    state = play(begin(), (0, "I_CLAIM: 2 1 0"))
    why = "there is no proposal of your partner to accept"
    assert GAME.parse("ACCEPT", state, 1) == Invalid(why)


def test_a_rejected_proposal_is_gone_and_the_game_goes_on() -> None:
    state = play(begin(), (0, "PROPOSE 2 1 0"), (1, "REJECT"))
    assert not GAME.is_over(state)
    why = "there is no proposal of your partner to accept"
    assert GAME.parse("ACCEPT", state, 1) == Invalid(why)


def test_without_an_agreement_each_has_its_own_way_out() -> None:
    state = play(begin(deadline=2, disagreement=(3, 1)), (0, "PROPOSE 2 1 0"), {})
    assert GAME.is_over(state)
    assert not GAME.is_agreed(state)
    assert GAME.utilities(state) == (3.0, 1.0)


def test_an_agreement_in_the_last_turn_counts() -> None:
    assert GAME.is_agreed(play(begin(deadline=2), (0, "PROPOSE 2 0 0"), (1, "ACCEPT")))


# -- both seats at once --------------------------------------------------------------------------


def test_two_acceptances_at_once_cross_unless_they_accept_the_same() -> None:
    crossing = play(begin(), {0: "PROPOSE 2 1 0", 1: "PROPOSE 1 1 2"})
    state = play(crossing, {0: "ACCEPT", 1: "ACCEPT"})
    assert state.division is None
    assert state.proposals == ((2, 1, 0), (1, 1, 2))
    assert play(state, (1, "ACCEPT")).division == ((2, 1, 0), (0, 0, 2))
    agreeing = play(begin(), {0: "PROPOSE 2 1 0", 1: "PROPOSE 0 0 2"})
    assert play(agreeing, {0: "ACCEPT", 1: "ACCEPT"}).division == ((2, 1, 0), (0, 0, 2))


def test_an_acceptance_takes_the_proposal_that_stood_before_the_turn() -> None:
    state = play(begin(), (0, "PROPOSE 1 0 0"), {0: "PROPOSE 2 1 2", 1: "ACCEPT"})
    assert state.division == ((1, 0, 0), (1, 1, 2))


@pytest.mark.parametrize("maker", SEATS)
def test_a_proposal_made_while_the_old_one_is_rejected_stands(maker: int) -> None:
    said = {maker: "PROPOSE 1 1 1", 1 - maker: "REJECT"}
    for order in ((0, 1), (1, 0)):
        state = play(begin(), (maker, "PROPOSE 2 1 2"), {seat: said[seat] for seat in order})
        assert state.proposals[maker] == (1, 1, 1)


def test_an_acceptance_goes_before_claims_that_fit_in_the_same_turn() -> None:
    state = play(begin(), {0: "I_CLAIM: 0 0 0", 1: "PROPOSE 0 0 2"})
    state = play(state, {0: "ACCEPT", 1: "I_CLAIM: 1 0 0"})
    assert state.division == ((2, 1, 0), (0, 0, 2))


# -- moves that do not count ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ACCEPT", "there is no proposal of your partner to accept"),
        ("REJECT", "there is no proposal of your partner to reject"),
        ("PROPOSE 1 1", "3 amounts are needed, one each for books, hats, balls"),
        ("PROPOSE 1 1 1 1", "3 amounts are needed, one each for books, hats, balls"),
        ("PROPOSE 3 0 0", "3 books is not possible; there are 2"),
        ("PROPOSE 0 -1 0", "-1 hats is not possible; there are 1"),
        ("I_CLAIM: 0 0 0.5", "0.5 balls is not possible; there are 2"),
        ("I_CLAIM: a b c", "'a' is not a plain number"),
        ("PROPOSE books=1 hats=1", "name each of books, hats, balls once"),
        ("PROPOSE books=1 hats=1 cats=1", "name each of books, hats, balls once"),
        ("PROPOSE books=1 hats=1 hats=1", "name each of books, hats, balls once"),
    ],
)
def test_an_illegal_move_is_answered_with_its_reason(text: str, why: str) -> None:
    assert GAME.parse(text, begin(), 0) == Invalid(why)


def test_a_divisible_good_is_divided_in_its_steps_only() -> None:
    state = begin(issues=({"name": "flour", "quantity": 20, "step": 2},), weights=((5,), (5,)))
    assert GAME.parse("PROPOSE 4", state, 0) == AllocationMove("PROPOSE", (4,))
    why = "3 flour is not possible; there are 20 in steps of 2"
    assert GAME.parse("PROPOSE 3", state, 0) == Invalid(why)


@pytest.mark.parametrize(
    "text",
    ["PROPOSE 2 1 0", "propose: 2, 1, 0.", "PROPOSE 2/1/0", "PROPOSE balls=0 books=2 hats=1"],
)
def test_amounts_may_be_written_in_several_ways(text: str) -> None:
    assert GAME.parse(text, begin(), 0) == AllocationMove("PROPOSE", (2, 1, 0))


@pytest.mark.parametrize(
    "text",
    ["PROPOSE 1,000 1", "PROPOSE 0,01 0", "PROPOSE 1,00,1", "PROPOSE 1,5 1", "PROPOSE 1/2 1 0"],
)
def test_amounts_that_could_mean_two_things_are_not_guessed_at(text: str) -> None:
    why = "the amounts are ambiguous; write them with nothing but spaces between"
    assert GAME.parse(text, begin(), 0) == Invalid(why)


def test_talk_is_no_move() -> None:
    assert GAME.parse("I propose that I keep the books.", begin(), 0) is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"weights": ((1, 2), (1, 2))}, "3 issues but weights"),
        ({"issues": (), "weights": ((), ())}, "0 issues"),
        ({"weights": ((-1, 2, 3), (1, 2, 3))}, "cannot be negative"),
        ({"disagreement": (-1, 0)}, "cannot be negative"),
        ({"disagreement": (10, 0)}, "all goods are worth 10, no more than 10 without"),
        ({"weights": ((0, 0, 0), (1, 2, 3))}, "all goods are worth 0"),
        ({"deadline": 0}, "at least 1 turn"),
        (
            {"issues": ({"name": "sand", "quantity": 2**40},), "weights": ((1,), (1,))},
            "more than 20000 ways",
        ),
        (
            {"issues": ({"name": "x", "quantity": 2**32 - 1},) * 2, "weights": ((1, 1), (1, 1))},
            "more than 20000 ways",
        ),
        (
            {"issues": ({"name": "flour", "quantity": 3, "step": 2},), "weights": ((1,), (1,))},
            "flour: quantity 3 in steps of 2",
        ),
    ],
)
def test_an_instance_that_cannot_be_played_is_refused(
    changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        division(**changes)


# -- what a seat sees ----------------------------------------------------------------------------


def test_a_view_holds_own_values_and_the_public_course_only() -> None:
    state = play(begin(disagreement=(3, 1)), (0, "PROPOSE 2 1 0"), (1, "I_CLAIM: 0 0 2"))
    view = GAME.observe(state, 1)
    assert (view.weights, view.disagreement) == ((1, 2, 3), 1)
    assert (view.own_proposal, view.partner_proposal) == (None, (2, 1, 0))
    assert (view.own_claim, view.partner_claim) == ((0, 0, 2), None)
    assert view.value((0, 0, 2)) == 6
    assert view.rest((2, 1, 0)) == (0, 0, 2)
    assert view.brief() == "A 2 at 1 B 1 at 2 C 2 at 3 else 1"
    assert view.standing() == "leaves 6"
    assert GAME.observe(state, 0).standing() == ""


# -- the solution --------------------------------------------------------------------------------


def brute_force(params: AllocationParams) -> list[tuple[int, int]]:
    """Utilities of every division that leaves nothing and that no seat would refuse."""
    points = []
    amounts = [range(0, issue.quantity + 1, issue.step) for issue in params.issues]
    for kept in product(*amounts):
        first = sum(w * a for w, a in zip(params.weights[0], kept, strict=True))
        left = [issue.quantity - a for issue, a in zip(params.issues, kept, strict=True)]
        second = sum(w * a for w, a in zip(params.weights[1], left, strict=True))
        if first >= params.disagreement[0] and second >= params.disagreement[1]:
            points.append((first, second))
    return points


@given(instances())
def test_the_solution_agrees_with_comparing_all_divisions(params: AllocationParams) -> None:
    solution, points = GAME.solution(params), brute_force(params)
    base = params.disagreement
    assert solution.disagreement == base
    assert solution.has_agreement_zone == bool(points)
    if not points:
        assert (solution.nash, solution.utilitarian, solution.best) == (None, None, ())
        assert solution.shares((0.0, 0.0)) is None
        return
    undominated = {
        one
        for one in points
        if not any(a[0] >= one[0] and a[1] >= one[1] and a != one for a in points)
    }
    assert set(solution.frontier) == undominated
    assert len(solution.frontier) == len(undominated)
    assert solution.ideal == (max(a for a, _ in points), max(b for _, b in points))
    assert solution.nash in points
    assert solution.utilitarian in points
    products = [(a - base[0]) * (b - base[1]) for a, b in points]
    assert (solution.nash[0] - base[0]) * (solution.nash[1] - base[1]) == max(products)
    assert sum(solution.utilitarian) == max(a + b for a, b in points)


def test_the_solution_of_the_usual_instance() -> None:
    # Books are worth 4 and 1, the hat 2 and 2, balls 0 and 3: all books to seat 0, balls to seat 1.
    solution = GAME.solution(division())
    assert solution.ideal == (10.0, 10.0)
    assert solution.frontier == ((10.0, 6.0), (8.0, 8.0), (4.0, 9.0), (0.0, 10.0))
    assert solution.nash == (8.0, 8.0)
    assert sum(solution.utilitarian or ()) == 16.0
    assert solution.best == (
        AllocationMove("PROPOSE", (2, 1, 0)),
        AllocationMove("PROPOSE", (2, 1, 2)),
    )


def test_shares_are_measured_from_what_each_seat_has_without_an_agreement() -> None:
    solution = GAME.solution(division(disagreement=(4, 4)))
    assert solution.ideal == (10.0, 9.0)
    assert solution.shares((7.0, 4.0)) == (0.5, 0.0)
    assert solution.shares((1.0, 9.0)) == (-0.5, 1.0)


@given(instances())
def test_a_best_move_reaches_the_ideal_and_leaves_the_partner_the_most_it_can(
    params: AllocationParams,
) -> None:
    solution = GAME.solution(params)
    for seat, move in enumerate(solution.best):
        assert isinstance(move, AllocationMove)
        said = {seat: GAME.render(move)}
        utilities = GAME.utilities(play(GAME.start(params), said, {1 - seat: "ACCEPT"}))
        assert utilities[seat] == solution.ideal[seat]
        assert utilities in solution.frontier


@pytest.mark.parametrize(("seat", "weights"), [(0, ((1, 1), (1, 2))), (1, ((1, 2), (1, 1)))])
def test_of_two_equally_good_moves_the_one_better_for_the_partner_is_best(
    seat: int, weights: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    # Who counts both goods as 1 can keep one of them; the partner would rather have the second.
    outside = [0, 0]
    outside[1 - seat] = 1
    goods = ({"name": "books", "quantity": 1}, {"name": "hats", "quantity": 1})
    params = division(issues=goods, weights=weights, disagreement=outside)
    assert GAME.solution(params).best[seat] == AllocationMove("PROPOSE", (1, 0))


def test_every_way_to_keep_something_is_listed_once() -> None:
    keeps = allocations(division().issues).tolist()
    assert len(keeps) == len(set(map(tuple, keeps))) == 3 * 2 * 3
    assert keeps[0] == [0, 0, 0]
    assert keeps[-1] == [2, 1, 2]


# -- laws ----------------------------------------------------------------------------------------


@given(instances(), st.integers(0, 2**32))
def test_exchanging_the_seats_exchanges_everything(params: AllocationParams, seed: int) -> None:
    one, other = GAME.solution(params), GAME.solution(mirrored(params))
    assert {pair[::-1] for pair in one.frontier} == set(other.frontier)
    assert one.ideal == other.ideal[::-1]
    rng = np.random.default_rng(seed)
    state, reflected = GAME.start(params), GAME.start(mirrored(params))
    while not GAME.is_over(state):
        moves = {seat: GAME.sample_move(state, seat, rng) for seat in SEATS if rng.random() < 0.7}
        if [move.keyword for move in moves.values()] == ["ACCEPT", "ACCEPT"]:
            moves.pop(1)  # the one rule that tells the seats apart
        state = GAME.apply(state, moves)
        reflected = GAME.apply(reflected, {1 - seat: move for seat, move in moves.items()})
    assert GAME.is_over(reflected)
    assert GAME.utilities(state) == GAME.utilities(reflected)[::-1]


@given(instances(), st.integers(0, 2**32))
def test_an_agreement_never_gives_more_than_there_is(params: AllocationParams, seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = GAME.start(params)
    while not GAME.is_over(state):
        state = GAME.apply(state, {seat: GAME.sample_move(state, seat, rng) for seat in SEATS})
    if state.division is None:
        return
    for issue, first, second in zip(params.issues, *state.division, strict=True):
        assert min(first, second) >= 0
        assert first + second <= issue.quantity
        assert first % issue.step == second % issue.step == 0


@given(positions())
def test_exactly_the_legal_moves_can_be_said(state: AllocationState) -> None:
    amounts = [range(-1, issue.quantity + 2) for issue in state.params.issues]
    everything = [
        *(
            AllocationMove(keyword, keep)
            for keyword in ("PROPOSE", "I_CLAIM")
            for keep in product(*amounts)
        ),
        AllocationMove("ACCEPT"),
        AllocationMove("REJECT"),
    ]
    for seat in SEATS:
        legal = GAME.legal_moves(state, seat)
        said = [GAME.parse(GAME.render(move), state, seat) for move in everything]
        assert {m for m in said if isinstance(m, AllocationMove)} == set(legal)
        assert len(legal) == len(set(legal))


@given(positions(), st.integers(0, 2**32))
def test_no_legal_move_raises_or_changes_the_position_it_is_made_in(
    state: AllocationState, seed: int
) -> None:
    before = copy.deepcopy(state)
    rng = np.random.default_rng(seed)
    for seat in SEATS:
        other = GAME.sample_move(state, 1 - seat, rng)
        for move in GAME.legal_moves(state, seat):
            for moves in ({seat: move}, {seat: move, 1 - seat: other}):
                after = GAME.apply(state, moves)
                assert after.turn == state.turn + 1
                assert GAME.is_agreed(after) <= GAME.is_over(after)
    assert state == before


@given(instances(), st.integers(0, 2**32))
def test_the_game_keeps_the_laws_of_games(params: AllocationParams, seed: int) -> None:
    check_game(GAME, params, plays=3, seed=seed)
