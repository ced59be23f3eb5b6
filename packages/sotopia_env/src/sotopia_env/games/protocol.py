"""What a verifiable game is: rules as pure functions on typed states, outcomes exact.

Seats are numbered from 0 here. States are never changed in place, so that a snapshot is a
reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from ..actions import ActionType
from ..moves import Invalid, MoveGrammar
from ..profiles import GameParams

S = TypeVar("S")
M = TypeVar("M")
V = TypeVar("V", covariant=True)
P = TypeVar("P", bound=GameParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakes:
    """What each seat can win or lose in one instance, from both sides' true values.

    Utilities are in the game's own units (money, points), one per seat.
    """

    disagreement: tuple[float, ...]
    ideal: tuple[float, ...]
    """Each seat's best utility among agreements no seat would refuse; without any, disagreement."""

    def shares(self, utilities: tuple[float, ...]) -> tuple[float, ...] | None:
        """Each seat's gain over disagreement as a fraction of the most it could have gained.

        1 is the best agreement the others would not refuse, 0 is disagreement, below 0 is worse
        than walking away. In a division of one surplus the shares of an agreement add up to 1.
        `None` where nothing can be gained, so that a share means nothing.
        """
        shares = []
        for own, best, base in zip(utilities, self.ideal, self.disagreement, strict=True):
            if best <= base:
                return None
            shares.append((own - base) / (best - base))
        return tuple(shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution(Stakes):
    """Reference points of one instance, among the agreements no seat would refuse."""

    frontier: tuple[tuple[float, ...], ...]
    """Pareto-optimal agreements, as utility points; empty without any agreement."""
    nash: tuple[float, ...] | None
    """Point that maximises the product of gains over disagreement (Nash 1950)."""
    utilitarian: tuple[float, ...] | None
    """Point that maximises the sum of utilities."""
    best: tuple[object, ...] = ()
    """Each seat's move that offers the agreement in which it reaches its ideal."""

    @property
    def has_agreement_zone(self) -> bool:
        return bool(self.frontier)


class Game(Protocol[P, S, M, V]):
    """One family. Objects hold no state of a play; `S` does.

    `parse` reads what a seat said and never raises; `apply` advances one turn and takes only moves
    that `parse` or `legal_moves` gave, none for a seat that made no move.
    """

    family: ClassVar[str]
    seats: ClassVar[int]
    """How many it is for; 0 where every instance says so itself, as `params.seats`."""
    grammar: ClassVar[MoveGrammar]
    """How moves stand in text."""
    has_chance: ClassVar[bool]
    """Whether `start` draws; if not, it is given no generator."""

    def start(self, params: P, rng: np.random.Generator | None) -> S:
        """The state before the first turn; `rng` settles whatever chance the rules hold."""

    def resample(self, params: P, seat: int, rng: np.random.Generator) -> P:
        """An instance that `seat` cannot tell from this one by what it is told at the start.

        What is private to others is drawn anew: a world that is possible for the seat. `params`
        itself where nothing is hidden from it.
        """

    def acting(self, state: S) -> Sequence[int]:
        """Seats that may move now, before the turn order has its say."""

    def observe(self, state: S, seat: int) -> V:
        """What `seat` knows: its own private values and the public course, nothing else."""

    def parse(self, text: str, state: S, seat: int) -> M | Invalid | None:
        """The move in `text`, why it does not count, or `None` when there is none."""

    def legal_moves(self, state: S, seat: int) -> Sequence[M]:
        """Every move `seat` could make now."""

    def sample_move(self, state: S, seat: int, rng: np.random.Generator) -> M | None:
        """One legal move, kinds first and then values uniformly; `None` when there is none."""

    def render(self, move: M) -> str:
        """The text of a move; `parse(render(move))` gives it back."""

    def apply(self, state: S, moves: Mapping[int, M]) -> S:
        """The state after one turn, in which the given seats moved at once."""

    def is_over(self, state: S) -> bool:
        """Whether the rules end the play here."""

    def is_agreed(self, state: S) -> bool:
        """Whether it ended, or stands, in an agreement."""

    def utilities(self, state: S) -> tuple[float, ...]:
        """One utility per seat if the play stopped here."""

    def stakes(self, params: P) -> Stakes:
        """What there is to gain; asked for at the end of every play, so it should be cheap."""

    def solution(self, params: P) -> Solution:
        """Reference points of the instance; costly, so asked for only when needed."""


@dataclass(frozen=True, slots=True)
class News:
    """Something a phased game announces."""

    text: str
    audience: tuple[int, ...] | None = None
    """Seats that perceive it; `None` is everybody."""


class PhasedGame(Game[P, S, M, V], Protocol[P, S, M, V]):
    """A game in phases: it decides who is on turn, what they may do, and who perceives it.

    `acting` are then exactly the seats on turn, and with `apply` the turn is over for all of them.
    None are while the turn of somebody who is out passes in secret. `parse` is given the argument
    of an `action` only.
    """

    is_phased: ClassVar[bool]
    """True."""

    def begin(self, params: P, rng: np.random.Generator | None, order: str) -> S:
        """The state before the first turn; `order` is that of phases that name none."""

    def action_types(self, state: S) -> tuple[ActionType, ...]:
        """What the seats on turn may choose, `none` always among them."""

    def audience(self, state: S, seat: int) -> tuple[int, ...] | None:
        """Seats that perceive what `seat` does now; `None` is everybody."""

    def news(self, state: S) -> Sequence[News]:
        """What was announced on the way to this state from the one before."""

    def verdict(self, state: S) -> str:
        """How the game ended, in words; empty while it goes on."""

    def depart(self, state: S, seats: Sequence[int]) -> S:
        """The state without the seats that have just left."""

    def max_turns(self, params: P) -> int:
        """Turns after which an episode is cut off, unless its maker says otherwise."""
