"""The agents that ship: the exact symbolic one, and shortcuts that a benchmark must beat."""
