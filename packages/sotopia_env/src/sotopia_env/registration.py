"""Ids for `gymnasium.make`: `sotopia/<family>-v0`, and `sotopia/scenario-v0` for any scenario.

`gymnasium.make("sotopia/scenario-v0", scenario="borrow_money", partner="scripted:talker", seat=1)`.
What makes an environment is imported by `make`.
"""

from .scenarios.shipped import SHIPPED

VIEW = "sotopia_env.make:gymnasium_env"
VECTOR = "sotopia_env.make:vector_env"


def register_with_gymnasium() -> None:
    """Register all ids in memory, once; an id that is taken stays as it is."""
    import gymnasium

    for name in ("scenario", *SHIPPED):
        identity = f"sotopia/{name}-v0"
        if identity not in gymnasium.registry:
            settings = {} if name == "scenario" else {"scenario": name}
            gymnasium.register(
                identity, entry_point=VIEW, vector_entry_point=VECTOR, kwargs=settings
            )
