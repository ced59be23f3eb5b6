"""PettingZoo's module layout: `env`, `raw_env`, `parallel_env`, and ids for `pettingzoo.make`.

`import sotopia_env.sotopia_v0` registers `sotopia/<family>-v0` and `sotopia/scenario-v0`; then
`pettingzoo.make("parallel", "sotopia/price_negotiation-v0")` and the same with `"aec"`.
"""

from typing import Any

import pettingzoo
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from . import make
from .scenarios.shipped import SHIPPED
from .views.aec import AECView

__all__ = ["env", "parallel_env", "raw_env"]


def parallel_env(
    scenario: make.ScenarioLike = "price_negotiation",
    *,
    max_cycles: int | None = None,
    render_mode: str | None = None,
    **settings: Any,
) -> Any:
    """The parallel environment; takes what `sotopia_env.parallel_env` takes.

    `max_cycles` is PettingZoo's name for `max_turns`.
    """
    if max_cycles is not None:
        settings["max_turns"] = max_cycles
    return make.parallel_env(scenario, render_mode=render_mode, **settings)


def raw_env(scenario: make.ScenarioLike = "price_negotiation", **settings: Any) -> AECView:
    """The AEC view without wrappers."""
    return AECView(parallel_env(scenario, **settings))


def env(
    scenario: make.ScenarioLike = "price_negotiation", **settings: Any
) -> OrderEnforcingWrapper[str, Any, Any]:
    """The AEC view, in PettingZoo's wrapper that refuses calls in the wrong order."""
    return OrderEnforcingWrapper(raw_env(scenario, **settings))


def _register() -> None:
    for name in ("scenario", *SHIPPED):
        identity = f"sotopia/{name}-v0"
        settings = {} if name == "scenario" else {"scenario": name}
        if identity not in pettingzoo.parallel_registry:
            pettingzoo.register("parallel", identity, parallel_env, kwargs=settings)
        if identity not in pettingzoo.aec_registry:
            pettingzoo.register("aec", identity, env, kwargs=settings)


_register()
