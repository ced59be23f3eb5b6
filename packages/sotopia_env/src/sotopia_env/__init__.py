"""Social agents with private goals in a PettingZoo environment, scored by rules or judges.

The public names are imported when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .actions import AgentAction
    from .environment import SotopiaEnv
    from .episode import Episode
    from .make import aec_env, parallel_env, scenario_ids
    from .profiles import AgentProfile, EnvironmentProfile, RelationshipType
    from .rewards import VerifiableReward
    from .runner import run_episodes

_HOMES = {
    "AgentAction": "actions",
    "AgentProfile": "profiles",
    "EnvironmentProfile": "profiles",
    "Episode": "episode",
    "RelationshipType": "profiles",
    "SotopiaEnv": "environment",
    "VerifiableReward": "rewards",
    "aec_env": "make",
    "parallel_env": "make",
    "run_episodes": "runner",
    "scenario_ids": "make",
}

__all__ = [
    "AgentAction",
    "AgentProfile",
    "EnvironmentProfile",
    "Episode",
    "RelationshipType",
    "SotopiaEnv",
    "VerifiableReward",
    "aec_env",
    "parallel_env",
    "run_episodes",
    "scenario_ids",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
