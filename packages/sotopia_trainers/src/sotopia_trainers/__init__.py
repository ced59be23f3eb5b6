"""Training of social agents: behaviour cloning and multi-turn GRPO on `sotopia_env` episodes.

Nothing heavy is imported here; the stages are modules to run: `python -m sotopia_trainers.grpo`.
"""

__all__: list[str] = []
