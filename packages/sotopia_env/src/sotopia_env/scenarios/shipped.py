"""Names of the shipped families and where they are; imports nothing, so that it costs nothing."""

from typing import Final

SHIPPED: Final = {
    "price_negotiation": "sotopia_env.scenarios.price_negotiation:FAMILY",
    "resource_allocation": "sotopia_env.scenarios.resource_allocation:FAMILY",
    "werewolf": "sotopia_env.scenarios.deduction:WEREWOLF",
    "spyfall": "sotopia_env.scenarios.deduction:SPYFALL",
    "undercover": "sotopia_env.scenarios.deduction:UNDERCOVER",
}
