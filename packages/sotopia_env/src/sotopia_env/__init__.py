"""Social agents with private goals in a PettingZoo environment, scored by rules or judges.

The public names are imported when they are first used. The only thing done here is to register ids
with Gymnasium, in memory.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .registration import register_with_gymnasium

if TYPE_CHECKING:
    from .actions import AgentAction
    from .environment import SotopiaEnv
    from .episode import Episode
    from .make import aec_env, parallel_env, scenario_ids
    from .profiles import AgentProfile, EnvironmentProfile, RelationshipType
    from .rewards import JudgeReward, VerifiableReward
    from .runner import run_episodes
    from .scenarios.benchmark_lists import BenchmarkSampler
    from .scenarios.samplers import ConstraintSampler, UniformSampler

_HOMES = {
    "AgentAction": "actions",
    "AgentProfile": "profiles",
    "EnvironmentProfile": "profiles",
    "BenchmarkSampler": "scenarios.benchmark_lists",
    "ConstraintSampler": "scenarios.samplers",
    "Episode": "episode",
    "JudgeReward": "rewards",
    "RelationshipType": "profiles",
    "SotopiaEnv": "environment",
    "UniformSampler": "scenarios.samplers",
    "VerifiableReward": "rewards",
    "aec_env": "make",
    "parallel_env": "make",
    "run_episodes": "runner",
    "scenario_ids": "make",
}

__all__ = [
    "AgentAction",
    "AgentProfile",
    "BenchmarkSampler",
    "ConstraintSampler",
    "EnvironmentProfile",
    "Episode",
    "JudgeReward",
    "RelationshipType",
    "SotopiaEnv",
    "UniformSampler",
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


register_with_gymnasium()
