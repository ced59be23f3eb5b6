"""Families of verifiable games by name: rules together with the generator of their instances.

Shipped families are found without looking at the disk; other packages register theirs in the
entry-point group `sotopia.games`, each a `Family`.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import ScenarioError, one_of, unknown_name
from ..games.protocol import Game
from ..profiles import EnvironmentProfile, GameParams
from .shipped import SHIPPED

GROUP: Final = "sotopia.games"

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)

_SPLIT_VERSION: Final = 2
"""Enters the hash that splits instances; a new number draws all splits anew."""
_TENTHS: Final[dict[Split, range]] = {
    "train": range(7),
    "validation": range(7, 8),
    "test": range(8, 10),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Rules and generator of one family.

    `draw(split, number, options)` gives instance `number` of a split, the same one every time.
    """

    game: Game[Any, Any, Any, Any]
    params_type: type[GameParams]
    draw: Callable[[Split, int, Mapping[str, str]], EnvironmentProfile]


def family_names() -> list[str]:
    """Every registered family, shipped ones first."""
    others = sorted({point.name for point in entry_points(group=GROUP)} - set(SHIPPED))
    return [*SHIPPED, *others]


def find_family(name: str) -> Family | None:
    """The family called `name`, or `None` if no package registers it."""
    if name in SHIPPED:
        module, _, attribute = SHIPPED[name].partition(":")
        family: Family = getattr(import_module(module), attribute)
        return family
    for point in entry_points(group=GROUP):
        if point.name == name:
            loaded: Family = point.load()
            return loaded
    return None


def load_family(name: str) -> Family:
    """The family called `name`.

    Raises:
        ScenarioError: if no package registers it.
    """
    family = find_family(name)
    if family is None:
        raise ScenarioError(unknown_name("game family", name, family_names()))
    return family


def draws_for(family: str, split: Split, number: int, fields: int) -> "Draws":
    """The uniform draws behind instance `number` of a split."""
    if number < 0:
        raise ScenarioError(f"instance numbers start at 0, got {number}")
    key = [zlib.crc32(family.encode()), SPLITS.index(split), number]
    return Draws(np.random.default_rng(key), fields)


class Draws:
    """A stream of uniform numbers that turn into choices; one array call serves an instance."""

    __slots__ = ("_at", "_fields", "_rng", "_values")

    def __init__(self, rng: np.random.Generator, fields: int) -> None:
        self._rng, self._fields = rng, fields
        self._values: NDArray[np.float64] = rng.random(fields)
        self._at = 0

    def integer(self, low: int, high: int) -> int:
        """Uniform over `low..high`, both included."""
        return low + int(self._next() * (high - low + 1))

    def choice(self, items: tuple[Any, ...]) -> Any:
        return items[int(self._next() * len(items))]

    def chance(self, probability: float) -> bool:
        return self._next() < probability

    def _next(self) -> float:
        if self._at == self._fields:
            self._values, self._at = self._rng.random(self._fields), 0
        value = float(self._values[self._at])
        self._at += 1
        return value


def belongs_to(split: Split, values: tuple[int, ...]) -> bool:
    """Whether an instance with these private values may stand in `split`.

    The values alone decide, by a hash: 70 % of all combinations are for training, 10 % for
    validation, 20 % for test, and no combination occurs in two splits.
    """
    tenth = zlib.crc32(",".join(map(str, (_SPLIT_VERSION, *values))).encode()) % 10
    return tenth in _TENTHS[split]


def read_options(
    family: str, options: Mapping[str, str], known: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    """Check generator options (`<family>?difficulty=hard`) against what the family knows.

    Raises:
        ScenarioError: for an unknown option or value, with those that exist.
    """
    for key, value in options.items():
        one_of(known, key, f"option of {family}", ScenarioError)
        one_of(known[key], value, f"{key} of {family}", ScenarioError)
    return {key: options.get(key, values[0]) for key, values in known.items()}


def scenario_id(family: str, options: Mapping[str, str], split: Split, number: int) -> str:
    """`<family>[?option=value&...]/<split>/<number>`."""
    query = "&".join(f"{key}={value}" for key, value in sorted(options.items()))
    return f"{family}{'?' if query else ''}{query}/{split}/{number}"
