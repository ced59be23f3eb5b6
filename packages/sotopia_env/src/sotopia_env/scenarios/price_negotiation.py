"""Generated price negotiations: private values, items, wording.

`difficulty` sets the surplus there is to divide: `standard` 16 to 32, `easy` 26 to 36, `hard` 3 to
9, `impossible` none (the buyer's highest price lies below the seller's lowest).
"""

from collections.abc import Mapping
from typing import Final

from ..games.price_negotiation import PriceNegotiation, PriceParams, Role
from ..profiles import EnvironmentProfile
from .families import Draws, Family, Split, belongs_to, draws_for, read_options, scenario_id
from .names import two_names

LOWEST, HIGHEST = 1, 75
"""Prices that may be named."""

_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "difficulty": ("standard", "easy", "hard", "impossible"),
    "deadline": ("mixed", *(str(turns) for turns in range(2, 21))),
}
_SURPLUS: Final = {
    "standard": (16, 32),
    "easy": (26, 36),
    "hard": (3, 9),
    "impossible": (-18, -3),
}
_DEADLINES: Final = (6, 8)
"""Shortest and longest mixed deadline, in turns of either seat."""
_ASPIRATION: Final = (18, 32)
"""How far a target lies from its owner's reservation value."""
_CURRENCIES: Final = ("dollars", "euros", "pounds", "francs", "crowns", "tokens")
_ITEMS: Final = (
    "lamp", "bicycle", "guitar", "camera", "tent", "desk", "radio", "coat", "painting", "clock",
    "blender", "kayak", "printer", "sofa", "telescope", "violin", "carpet", "mirror", "scooter",
    "bookcase", "drill", "kettle", "heater", "monitor", "necklace", "drone", "saddle", "stove",
    "globe", "typewriter", "piano", "sewing machine", "record player", "chess set", "garden table",
)  # fmt: skip
_SETTINGS: Final = (
    "{seller} has put a {item} up for sale, and {buyer} would like to have it.",
    "{buyer} needs a {item}; {seller} has one to spare and they meet to talk about the price.",
    "At a neighbourhood market {seller} offers a {item} and {buyer} stops to ask about it.",
    "{seller} is moving house and wants to sell a {item}. {buyer} has answered the notice.",
    "A {item} stands between {seller}, who owns it, and {buyer}, who wants it: the price is open.",
    "{buyer} has come to the workshop of {seller} to buy a {item}.",
)
_RULES: Final = (
    "Prices are whole {currency} from {low} to {high}. They have {deadline} turns in all, one "
    "after the other; without a deal by then, both walk away with nothing.\n"
    "Write a move on a line of its own, then anything you like on other lines:\n"
    "OFFER n - propose a price\n"
    "FINAL_BID: n - propose a price for the last time\n"
    "ACCEPT - take the partner's standing offer\n"
    "REJECT - turn it down (after a final bid, this ends the talks)"
)
_GOALS: Final[dict[Role, str]] = {
    "seller": "Sell the {item} for as much as you can. You hope for {target} {currency}; below "
    "{reservation} {currency} you lose money.",
    "buyer": "Buy the {item} for as little as you can. You hope to pay {target} {currency}; above "
    "{reservation} {currency} you lose money.",
}


def draw(split: Split, number: int, options: Mapping[str, str]) -> EnvironmentProfile:
    """Instance `number` of a split. No pair of reservation values occurs in two splits.

    Raises:
        ScenarioError: for an unknown option or a negative number.
    """
    chosen = read_options("price_negotiation", options, _OPTIONS)
    draws = draws_for("price_negotiation", split, number, fields=16)
    lowest, highest = _SURPLUS[chosen["difficulty"]]
    while True:
        floor = draws.integer(20, 45)
        ceiling = floor + draws.integer(lowest, highest)
        if LOWEST < ceiling <= HIGHEST and belongs_to(split, (floor, ceiling)):
            break
    params = _params(draws, floor, ceiling, chosen["deadline"])
    return _profile(draws, params, scenario_id("price_negotiation", options, split, number))


def _params(draws: Draws, floor: int, ceiling: int, deadline: str) -> PriceParams:
    roles: tuple[Role, Role] = ("seller", "buyer") if draws.chance(0.5) else ("buyer", "seller")
    hoped = min(HIGHEST, floor + draws.integer(*_ASPIRATION))
    dreamt = max(LOWEST, ceiling - draws.integer(*_ASPIRATION))
    values = {"seller": (floor, hoped), "buyer": (ceiling, dreamt)}
    turns = draws.integer(*_DEADLINES) if deadline == "mixed" else int(deadline)
    return PriceParams.model_construct(  # right as it is drawn; a test validates
        item=draws.choice(_ITEMS),
        currency=draws.choice(_CURRENCIES),
        roles=roles,
        reservations=(values[roles[0]][0], values[roles[1]][0]),
        targets=(values[roles[0]][1], values[roles[1]][1]),
        low=LOWEST,
        high=HIGHEST,
        deadline=turns,
    )


def _profile(draws: Draws, params: PriceParams, identity: str) -> EnvironmentProfile:
    names = two_names(draws)
    words = {"item": params.item, "currency": params.currency}
    seats = dict(zip(params.roles, names, strict=True))
    setting = draws.choice(_SETTINGS).format(**words, **seats)
    rules = _RULES.format(**words, low=params.low, high=params.high, deadline=params.deadline)
    goals = tuple(
        _GOALS[role].format(**words, reservation=params.reservations[i], target=params.targets[i])
        for i, role in enumerate(params.roles)
    )
    return EnvironmentProfile(
        scenario_id=identity,
        codename=f"price of a {params.item}",
        source="generated",
        scenario=f"{setting}\n{rules}",
        agent_goals=goals,
        agent_names=names,
        game=params,
    )


FAMILY: Final = Family(game=PriceNegotiation(), params_type=PriceParams, draw=draw)
