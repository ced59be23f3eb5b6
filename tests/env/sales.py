"""The sale most tests play: a lamp, 20 to divide."""

from sotopia_env import EnvironmentProfile
from sotopia_env.games.price_negotiation import PriceParams


def price_params(**changes: object) -> PriceParams:
    """Seat 0 sells at 40 or more, seat 1 buys at 60 or less."""
    usual: dict[str, object] = {
        "item": "lamp",
        "currency": "euros",
        "roles": ("seller", "buyer"),
        "reservations": (40, 60),
        "targets": (80, 20),
        "low": 1,
        "high": 100,
        "deadline": 6,
    }
    return PriceParams.model_validate(usual | changes)


def sale(
    *, goals: tuple[str, str] = ("Sell it.", "Buy it."), **changes: object
) -> EnvironmentProfile:
    """Ada sells to Bram."""
    return EnvironmentProfile(
        scenario="A lamp is for sale.",
        agent_goals=goals,
        agent_names=("Ada", "Bram"),
        game=price_params(**changes),
    )
