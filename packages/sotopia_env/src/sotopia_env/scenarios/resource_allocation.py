"""Generated divisions of three goods between two parties with private weights.

Everything together is worth 10 points to each side, as in Deal or No Deal (Lewis et al. 2017), and
each side has some points without an agreement, which only it knows. `difficulty` sets how far the
weights differ and how much there is outside: `easy` leaves much to gain by trading, `hard` little.
With `goods=divisible` the first good can be divided in tenths, and all points count tenfold.
"""

from collections.abc import Mapping
from functools import cache
from itertools import product
from typing import Final

from ..games.resource_allocation import AllocationParams, Issue, ResourceAllocation
from ..profiles import EnvironmentProfile
from .families import Draws, Family, Split, belongs_to, draws_for, read_options, scenario_id
from .names import two_names

POINTS: Final = 10
"""Points everything together is worth to either side."""

_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "difficulty": ("standard", "easy", "hard"),
    "goods": ("discrete", "divisible"),
    "deadline": ("mixed", *(str(turns) for turns in range(2, 21))),
}
_DEADLINES: Final = (6, 8)
_GAP: Final = {"standard": (4, 20), "easy": (10, 20), "hard": (2, 8)}
"""Least and most sum over issues of |difference of the two sides' values of the whole issue|."""
_OUTSIDE: Final = {"standard": (2, 4), "easy": (0, 2), "hard": (3, 5)}
"""Least and most points of a side without an agreement."""
_THEMES: Final = (
    ("camp site", ("firewood", "water", "food")),
    ("shared studio", ("mornings", "afternoons", "evenings")),
    ("estate of an aunt", ("books", "hats", "vases")),
    ("school fair", ("tables", "lamps", "chairs")),
    ("community garden", ("beds", "tools", "seedlings")),
    ("fishing harbour", ("nets", "boats", "crates")),
    ("research group", ("servers", "sensors", "desks")),
    ("food bank", ("apples", "loaves", "cheeses")),
    ("theatre", ("costumes", "props", "masks")),
    ("harvest", ("sacks", "barrels", "baskets")),
)
_SETTINGS: Final = (
    "{first} and {second} have to divide what there is at the {theme}: {goods}.",
    "At the {theme}, {first} and {second} must agree on who gets what of {goods}.",
    "{goods} are left at the {theme}, and {first} and {second} both have a use for them.",
    "{second} and {first} settle the matter of the {theme}; on the table lie {goods}.",
)
_RULES: Final = (
    "They have {deadline} turns in all, one after the other; without an agreement by then, each is "
    "left with what they have elsewhere, if anything.\n"
    "Write a move on a line of its own, then anything you like on other lines; amounts are what "
    "you keep, in the order {order}:\n"
    "PROPOSE a b c - propose a division; the partner gets the rest\n"
    "I_CLAIM: a b c - claim without asking; claims that fit together are settled at once\n"
    "ACCEPT - take the partner's standing proposal\n"
    "REJECT - turn it down"
)
_GOAL: Final = (
    "Get as many points as you can. To you, one unit is worth: {worth}. Without an agreement you "
    "have {disagreement} points."
)


def draw(split: Split, number: int, options: Mapping[str, str]) -> EnvironmentProfile:
    """Instance `number` of a split.

    No combination of goods and weights occurs in two splits, not even with the seats or the goods
    in another order.

    Raises:
        ScenarioError: for an unknown option or a negative number.
    """
    chosen = read_options("resource_allocation", options, _OPTIONS)
    draws = draws_for("resource_allocation", split, number, fields=24)
    least, most = _GAP[chosen["difficulty"]]
    outside = _OUTSIDE[chosen["difficulty"]]
    divisible = chosen["goods"] == "divisible"
    while True:
        quantities = draws.choice(_quantities())
        first, second = draws.choice(_weights(quantities)), draws.choice(_weights(quantities))
        without = (draws.integer(*outside), draws.integer(*outside))
        gap = sum(abs(a - b) * q for a, b, q in zip(first, second, quantities, strict=True))
        if (
            least <= gap <= most
            and belongs_to(split, _unordered(quantities, first, second))
            and _can_both_gain(quantities, first, second, without)
        ):
            break
    scale = 10 if divisible else 1
    params = AllocationParams.model_construct(  # right as it is drawn; a test validates
        issues=_issues(draws, quantities, divisible=divisible),
        weights=(_scaled(first, scale), _scaled(second, scale)),
        disagreement=(scale * without[0], scale * without[1]),
        deadline=(
            draws.integer(*_DEADLINES) if chosen["deadline"] == "mixed" else int(chosen["deadline"])
        ),
    )
    return _profile(draws, params, scenario_id("resource_allocation", options, split, number))


def _unordered(
    quantities: tuple[int, ...], first: tuple[int, ...], second: tuple[int, ...]
) -> tuple[int, ...]:
    """The same for every order of the seats and of the goods."""
    one = sorted(zip(quantities, first, second, strict=True))
    other = sorted(zip(quantities, second, first, strict=True))
    return tuple(value for good in min(one, other) for value in good)


def _can_both_gain(
    quantities: tuple[int, ...],
    first: tuple[int, ...],
    second: tuple[int, ...],
    without: tuple[int, int],
) -> bool:
    """Whether some division gives each side more than it has without an agreement."""
    return any(
        sum(w * k for w, k in zip(first, keep, strict=True)) > without[0]
        and sum(w * (q - k) for w, q, k in zip(second, quantities, keep, strict=True)) > without[1]
        for keep in product(*(range(q + 1) for q in quantities))
    )


def _issues(draws: Draws, quantities: tuple[int, ...], *, divisible: bool) -> tuple[Issue, ...]:
    _, goods = draws.choice(_THEMES)
    issues = [_issue(good, q, 1) for good, q in zip(goods, quantities, strict=True)]
    if divisible:
        issues[0] = _issue(f"tenths_of_{goods[0]}", 10 * quantities[0], quantities[0])
    return tuple(issues)


@cache
def _issue(name: str, quantity: int, step: int) -> Issue:
    return Issue(name=name, quantity=quantity, step=step)


def _scaled(weights: tuple[int, ...], scale: int) -> tuple[int, ...]:
    """Tenths of the first good keep their number of points when all others count tenfold."""
    return (weights[0], *(scale * w for w in weights[1:]))


@cache
def _quantities() -> tuple[tuple[int, int, int], ...]:
    """Three goods, four to six units in all, at least one of each."""
    return tuple((a, b, c) for a, b, c in product(range(1, 4), repeat=3) if 4 <= a + b + c <= 6)


@cache
def _weights(quantities: tuple[int, int, int]) -> tuple[tuple[int, ...], ...]:
    """Points per unit that make everything together worth `POINTS`."""
    ranges = [range(POINTS // q + 1) for q in quantities]
    return tuple(
        w
        for w in product(*ranges)
        if sum(a * q for a, q in zip(w, quantities, strict=True)) == POINTS
    )


def _amount_of(issue: Issue) -> str:
    steps = f" (in steps of {issue.step})" if issue.step > 1 else ""
    return f"{issue.quantity} {issue.name.replace('_', ' ')}{steps}"


def _profile(draws: Draws, params: AllocationParams, identity: str) -> EnvironmentProfile:
    names = two_names(draws)
    theme = next(t for t, goods in _THEMES if params.issues[-1].name in goods)
    goods = ", ".join(_amount_of(issue) for issue in params.issues)
    order = ", ".join(i.name for i in params.issues)
    setting = draws.choice(_SETTINGS).format(
        first=names[0], second=names[1], theme=theme, goods=goods
    )
    goals = tuple(
        _GOAL.format(
            worth=", ".join(
                f"{i.name} {w}" for i, w in zip(params.issues, params.weights[seat], strict=True)
            ),
            disagreement=params.disagreement[seat],
        )
        for seat in range(2)
    )
    return EnvironmentProfile(
        scenario_id=identity,
        codename=f"division at the {theme}",
        source="generated",
        scenario=f"{setting}\n{_RULES.format(deadline=params.deadline, order=order)}",
        agent_goals=goals,
        agent_names=names,
        game=params,
    )


FAMILY: Final = Family(game=ResourceAllocation(), params_type=AllocationParams, draw=draw)
