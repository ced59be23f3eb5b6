"""What the minds behind scripted players of social games have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from ...episode import Turn
from ...games.deduction.positions import PhaseView

V = TypeVar("V", bound=PhaseView, contravariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard:
    """What another seat said or did."""

    seat: int
    text: str

    @classmethod
    def of(cls, turn: Turn) -> "Heard":
        return cls(int(turn.seat.removeprefix("agent_")), turn.action.argument)


class Mind(Protocol[V]):
    """Remembers what one seat has heard, and finds words for it."""

    def listen(self, view: V, heard: Sequence[Heard], text: str) -> None:
        """Take in what has happened since the seat was last on turn; `text` is all it was shown."""

    def say(self, view: V, rng: np.random.Generator) -> str:
        """What the seat says or does now."""


def pick(items: Sequence[T], rng: np.random.Generator) -> T:
    """An item drawn uniformly."""
    return items[int(rng.integers(len(items)))]


def targets(view: PhaseView, keyword: str) -> list[str]:
    """Names that may follow a keyword now."""
    return [
        target
        for word, _, target in (option.partition(" ") for option in view.options)
        if word == keyword
    ]


def most_suspect(
    view: PhaseView, scores: Mapping[int, float], rng: np.random.Generator
) -> str | None:
    """Among those who can be voted for, the one with the highest score, by seat.

    Of equals the first in the order of the seats, so that all who know the same vote alike; where
    nothing is known of anybody, a random one. `None` where nobody can be voted for.
    """
    names = targets(view, "vote")
    if not names:
        return None
    if not any(scores.values()):
        return pick(names, rng)
    return max(names, key=lambda name: scores.get(view.names.index(name), 0.0))
