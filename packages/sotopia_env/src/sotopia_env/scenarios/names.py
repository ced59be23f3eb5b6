"""Names for generated scenarios, from many places, none a hint at a character."""

from typing import Final

from .families import Draws

NAMES: Final = (
    "Ada", "Bram", "Chloe", "Dario", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kavya",
    "Leon", "Maya", "Nils", "Olga", "Paulo", "Quinn", "Rosa", "Samir", "Tara", "Ugo", "Vera",
    "Wanda", "Xavi", "Yara", "Zeno", "Amara", "Boris", "Celia", "Dmitri", "Esther", "Felix",
)  # fmt: skip


def two_names(draws: Draws) -> tuple[str, str]:
    """Two different names, one per seat."""
    first = draws.integer(0, len(NAMES) - 1)
    second = (first + draws.integer(1, len(NAMES) - 1)) % len(NAMES)
    return NAMES[first], NAMES[second]
