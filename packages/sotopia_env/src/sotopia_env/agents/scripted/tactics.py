"""How much a negotiator asks for as time goes by.

An aspiration is on the scale on which 0 is one's own reservation value and 1 one's own target.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ...errors import AgentError


@dataclass(frozen=True, slots=True)
class Moment:
    """What a tactic may look at."""

    time: float
    """From 0, the first turn of the game, to 1, the seat's own last turn."""
    has_last_word: bool
    """Whether no turn of the partner comes after the seat's own last one."""
    heard: Sequence[float]
    """What each of the partner's offers so far is worth to oneself, in order."""
    shake: float = 0.0
    """A draw from the standard normal distribution, for tactics that waver."""


class Tactic(Protocol):
    """A rule for the next aspiration: a dataclass, whose fields are its parameters."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def aspiration(self, moment: Moment) -> float:
        """What to ask for now; a partner's offer worth as much is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDependent:
    """Concedes from 1 to `floor` along `time ** (1 / beta)` (Faratin, Sierra and Jennings 1998).

    `beta` below 1 is boulware (late), 1 linear, above 1 a conceder (early). With `noise` the
    aspiration wavers around that by so many standard deviations, between `floor` and 1.
    """

    beta: float = 1.0
    floor: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.beta <= 0:
            raise AgentError(f"beta must be above 0, got {self.beta:g}")
        if self.noise < 0:
            raise AgentError(f"noise must be at least 0, got {self.noise:g}")

    def aspiration(self, moment: Moment) -> float:
        planned = float(1 - (1 - self.floor) * moment.time ** (1 / self.beta))
        if not self.noise:
            return planned
        return min(1.0, max(self.floor, planned + self.noise * moment.shake))


@dataclass(frozen=True, slots=True, kw_only=True)
class TitForTat:
    """Gives as much as the partner has given (absolute tit-for-tat, same source), times `rate`."""

    rate: float = 1.0
    floor: float = 0.0

    def aspiration(self, moment: Moment) -> float:
        given = max(moment.heard) - moment.heard[0] if moment.heard else 0.0
        return min(1.0, max(self.floor, 1 - self.rate * given))


@dataclass(frozen=True, slots=True, kw_only=True)
class HardHeaded:
    """Asks for the same all the time: never concedes."""

    level: float = 1.0

    def aspiration(self, moment: Moment) -> float:
        return self.level


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Asks for `hold` until its last turn, and then takes the best it can still get.

    With the last word that is anything better than nothing; without it, at least what the partner
    has offered so far and at least `last`.
    """

    hold: float = 1.0
    last: float = 0.4

    def aspiration(self, moment: Moment) -> float:
        if moment.time < 1:
            return self.hold
        if moment.has_last_word:
            return 0.0
        return max([*moment.heard, self.last])
