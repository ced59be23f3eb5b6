"""Division of several issues between two seats with private weights.

Moves: `PROPOSE a b c` names how much of each issue the speaker keeps (the partner gets the rest)
and needs `ACCEPT`; `I_CLAIM: a b c` claims without asking, and as soon as both seats' claims fit
together each gets what it claimed (what nobody claims is lost); `REJECT` clears the partner's
proposal.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import mul
from string import ascii_uppercase
from typing import ClassVar, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from ..moves import Invalid, MoveGrammar, read_amount
from ..profiles import GameParams
from .divisions import Amounts, Limits, divisions, solution, stakes
from .protocol import Solution, Stakes

Keyword: TypeAlias = Literal["PROPOSE", "I_CLAIM", "ACCEPT", "REJECT"]

GRAMMAR: Final = MoveGrammar(
    {"PROPOSE": "amounts", "I_CLAIM": "amounts", "ACCEPT": "nothing", "REJECT": "nothing"}
)
MAX_ALLOCATIONS: Final = 20_000
"""Most divisions an instance may have, so that its solution stays exact and quick."""


_SEPARATOR: Final = re.compile(r"\s*[,/]\s*|\s+")
_LEADING_ZERO: Final = re.compile(r"0\d")


class Issue(BaseModel):
    """Something to divide: `quantity` units in steps of `step` (above 1 for a divisible good)."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    name: str
    quantity: int
    step: int = 1

    @model_validator(mode="after")
    def _check(self) -> "Issue":
        if self.quantity < 1 or self.step < 1 or self.quantity % self.step:
            raise ValueError(f"{self.name}: quantity {self.quantity} in steps of {self.step}")
        return self


class AllocationParams(GameParams):
    """One instance. `weights[seat][issue]` is the private value of one unit."""

    model_config = ConfigDict(defer_build=True, extra="forbid")

    family: Literal["resource_allocation"] = "resource_allocation"
    issues: tuple[Issue, ...]
    weights: tuple[tuple[int, ...], tuple[int, ...]]
    disagreement: tuple[int, int] = (0, 0)
    """Private: what each seat has without an agreement."""
    deadline: int
    """Turns, of either seat, after which there is no agreement."""

    @model_validator(mode="after")
    def _check(self) -> "AllocationParams":
        if any(len(row) != len(self.issues) for row in self.weights) or not self.issues:
            raise ValueError(f"{len(self.issues)} issues but weights {self.weights}")
        if min(min(row) for row in self.weights) < 0 or min(self.disagreement) < 0:
            raise ValueError("weights and disagreement values cannot be negative")
        for row, outside in zip(self.weights, self.disagreement, strict=True):
            everything = sum(w * i.quantity for w, i in zip(row, self.issues, strict=True))
            if everything <= outside:
                raise ValueError(
                    f"all goods are worth {everything}, no more than {outside} without"
                )
        if math.prod(i.quantity // i.step + 1 for i in self.issues) > MAX_ALLOCATIONS:
            raise ValueError(f"more than {MAX_ALLOCATIONS} ways to divide; use larger steps")
        if self.deadline < 1:
            raise ValueError(f"deadline must be at least 1 turn, got {self.deadline}")
        return self


@dataclass(frozen=True, slots=True)
class AllocationMove:
    """A formal move; `keep` is what the mover keeps of each issue, empty where it names nothing."""

    keyword: Keyword
    keep: Amounts = ()


@dataclass(slots=True)
class AllocationState:
    """A position; never changed after it was made."""

    params: AllocationParams
    limits: Limits
    turn: int = 0
    proposals: tuple[Amounts | None, Amounts | None] = (None, None)
    """Standing proposal of each seat: what that seat would keep."""
    claims: tuple[Amounts | None, Amounts | None] = (None, None)
    division: tuple[Amounts, Amounts] | None = None
    """What each seat got, once agreed."""


@dataclass(slots=True)
class AllocationView:
    """What one seat knows, made anew for whoever asks; proposals are what their maker keeps."""

    issues: tuple[Issue, ...]
    weights: Amounts
    disagreement: int
    turn: int
    deadline: int
    own_proposal: Amounts | None
    partner_proposal: Amounts | None
    own_claim: Amounts | None
    partner_claim: Amounts | None

    def brief(self) -> str:
        """How much there is at which own weight, and what there is without an agreement.

        In the order in which moves name the amounts, under letters in place of the names.
        """
        goods = " ".join(
            f"{letter} {issue.quantity} at {weight}"
            for letter, issue, weight in zip(
                ascii_uppercase, self.issues, self.weights, strict=False
            )
        )
        return f"{goods} else {self.disagreement}" if self.disagreement else goods

    def standing(self) -> str:
        """What the partner's proposal leaves, in own points; nothing without one."""
        if self.partner_proposal is None:
            return ""
        return f"leaves {self.value(self.rest(self.partner_proposal))}"

    def value(self, keep: Amounts) -> int:
        """Own points for keeping `keep`."""
        return sum(w * a for w, a in zip(self.weights, keep, strict=True))

    def rest(self, keep: Amounts) -> Amounts:
        """What is left when somebody keeps `keep`."""
        return tuple(i.quantity - a for i, a in zip(self.issues, keep, strict=True))


class ResourceAllocation:
    """Rules of the family; see the module for the moves. Utility is the sum of weighted amounts."""

    family: ClassVar[str] = "resource_allocation"
    seats: ClassVar[int] = 2
    grammar: ClassVar[MoveGrammar] = GRAMMAR
    has_chance: ClassVar[bool] = False
    params_type: ClassVar[type[AllocationParams]] = AllocationParams

    def start(
        self, params: AllocationParams, rng: np.random.Generator | None = None
    ) -> AllocationState:
        return AllocationState(params, _limits(params.issues))

    def resample(
        self, params: AllocationParams, seat: int, rng: np.random.Generator
    ) -> AllocationParams:
        most, everything = max(params.weights[1 - seat]), 0
        while not everything:
            drawn = tuple(rng.integers(0, most + 1, len(params.issues)).tolist())
            everything = sum(w * i.quantity for w, i in zip(drawn, params.issues, strict=True))
        outside = int(rng.integers(everything))
        own = (params.weights[seat], params.disagreement[seat])
        pairs = (own, (drawn, outside)) if seat == 0 else ((drawn, outside), own)
        weights, disagreement = zip(*pairs, strict=True)
        return params.model_copy(update={"weights": weights, "disagreement": disagreement})

    def acting(self, state: AllocationState) -> Sequence[int]:
        return (0, 1)

    def observe(self, state: AllocationState, seat: int) -> AllocationView:
        params, partner = state.params, 1 - seat
        return AllocationView(
            params.issues,
            params.weights[seat],
            params.disagreement[seat],
            state.turn,
            params.deadline,
            state.proposals[seat],
            state.proposals[partner],
            state.claims[seat],
            state.claims[partner],
        )

    def parse(
        self, text: str, state: AllocationState, seat: int
    ) -> AllocationMove | Invalid | None:
        found = GRAMMAR.find(text)
        if found is None or isinstance(found, Invalid):
            return found
        keyword = found.keyword
        if keyword in ("ACCEPT", "REJECT"):
            if state.proposals[1 - seat] is None:
                return Invalid(f"there is no proposal of your partner to {keyword.lower()}")
            return _ACCEPT if keyword == "ACCEPT" else _REJECT
        keep = _whole_numbers(found.operand, state.limits)
        if keep is None:
            named = _read_amounts(found.operand, state.params.issues)
            if isinstance(named, Invalid):
                return named
            keep = named
        return _move("PROPOSE" if keyword == "PROPOSE" else "I_CLAIM", keep)

    def legal_moves(self, state: AllocationState, seat: int) -> list[AllocationMove]:
        moves = [_ACCEPT, _REJECT] if state.proposals[1 - seat] is not None else []
        keeps = [tuple(row) for row in allocations(state.params.issues).tolist()]
        moves += [AllocationMove("PROPOSE", keep) for keep in keeps]
        return moves + [AllocationMove("I_CLAIM", keep) for keep in keeps]

    def sample_move(
        self, state: AllocationState, seat: int, rng: np.random.Generator
    ) -> AllocationMove:
        kinds: list[Keyword] = ["PROPOSE", "I_CLAIM"]
        if state.proposals[1 - seat] is not None:
            kinds += ["ACCEPT", "REJECT"]
        keyword = kinds[int(rng.integers(len(kinds)))]
        if keyword in ("ACCEPT", "REJECT"):
            return AllocationMove(keyword)
        keep = tuple(
            i.step * int(rng.integers(i.quantity // i.step + 1)) for i in state.params.issues
        )
        return AllocationMove(keyword, keep)

    def render(self, move: AllocationMove) -> str:
        return _rendered(move.keyword, move.keep)

    def apply(self, state: AllocationState, moves: Mapping[int, AllocationMove]) -> AllocationState:
        proposals, claims = state.proposals, state.claims
        accepted: tuple[tuple[Amounts, Amounts], ...] = ()
        for seat, move in moves.items():
            if move.keyword == "PROPOSE":
                proposals = _with(proposals, seat, move.keep)
            elif move.keyword == "I_CLAIM":
                claims = _with(claims, seat, move.keep)
            elif move.keyword == "REJECT":
                partner = moves.get(1 - seat)
                if partner is None or partner.keyword != "PROPOSE":  # what it made now stands
                    proposals = _with(proposals, 1 - seat, None)
            elif (kept := state.proposals[1 - seat]) is not None:
                rest = tuple(i.quantity - a for i, a in zip(state.params.issues, kept, strict=True))
                accepted = (*accepted, (rest, kept) if seat == 0 else (kept, rest))
        # acceptances of different divisions in one turn cross, and neither counts
        division = accepted[0] if accepted and accepted[0] == accepted[-1] else None
        if division is None and claims[0] is not None and claims[1] is not None:
            fits = all(
                a + b <= i.quantity
                for i, a, b in zip(state.params.issues, claims[0], claims[1], strict=True)
            )
            division = (claims[0], claims[1]) if fits else None
        return AllocationState(
            state.params, state.limits, state.turn + 1, proposals, claims, division
        )

    def is_over(self, state: AllocationState) -> bool:
        return state.division is not None or state.turn >= state.params.deadline

    def is_agreed(self, state: AllocationState) -> bool:
        return state.division is not None

    def utilities(self, state: AllocationState) -> tuple[float, float]:
        """Points of each seat for its part; its disagreement value without an agreement."""
        if state.division is None:
            return (float(state.params.disagreement[0]), float(state.params.disagreement[1]))
        weights, division = state.params.weights, state.division
        return (_points(weights[0], division[0]), _points(weights[1], division[1]))

    def stakes(self, params: AllocationParams) -> Stakes:
        """The best division for each seat that the other would not refuse."""
        return stakes(_limits(params.issues), params.weights, params.disagreement)

    def solution(self, params: AllocationParams) -> Solution:
        """Exact over all divisions that leave nothing; ties by the first in counting order."""
        solved, keeps = solution(_limits(params.issues), params.weights, params.disagreement)
        return replace(solved, best=tuple(_move("PROPOSE", keep) for keep in keeps))


def allocations(issues: tuple[Issue, ...]) -> NDArray[np.int64]:
    """Every amount one seat can keep, `(divisions, issues)`, in counting order."""
    return divisions(_limits(issues))[0]


def _points(weights: Amounts, part: Amounts) -> float:
    return float(sum(map(mul, weights, part)))


@lru_cache(maxsize=4096)
def _move(keyword: Keyword, keep: Amounts) -> AllocationMove:
    return AllocationMove(keyword, keep)


@lru_cache(maxsize=4096)
def _rendered(keyword: Keyword, keep: Amounts) -> str:
    if keyword in ("ACCEPT", "REJECT"):
        return keyword
    colon = ":" if keyword == "I_CLAIM" else ""
    return f"{keyword}{colon} {' '.join(map(str, keep))}"


def _limits(issues: tuple[Issue, ...]) -> Limits:
    return tuple([(issue.quantity, issue.step) for issue in issues])


def _is_possible(amount: int, limit: tuple[int, int]) -> bool:
    quantity, step = limit
    return 0 <= amount <= quantity and amount % step == 0


@lru_cache(maxsize=8192)
def _whole_numbers(text: str, limits: Limits) -> Amounts | None:
    """The amounts of a text that is nothing but possible amounts, one an issue."""
    words = _words(text)
    amounts = [] if isinstance(words, Invalid) else [read_amount(word) for word in words]
    whole = tuple(amount for amount in amounts if isinstance(amount, int))
    is_readable = len(whole) == len(amounts) == len(limits)
    return whole if is_readable and all(map(_is_possible, whole, limits)) else None


def _words(text: str) -> list[str] | Invalid:
    """Amounts with one kind of separator between all of them; `1,000 1` would mean two things."""
    kinds = {separator.strip() for separator in _SEPARATOR.findall(text.strip())}
    words = _SEPARATOR.split(text.strip())
    is_mixed = len(kinds) > 1 or any(map(_LEADING_ZERO.match, words))
    if is_mixed and "=" not in text:
        return Invalid("the amounts are ambiguous; write them with nothing but spaces between")
    return words


def _read_amounts(text: str, issues: tuple[Issue, ...]) -> Amounts | Invalid:
    """`2 1 0`, with commas or slashes, in the order of the issues; or `books=2 hats=1 balls=0`."""
    words = _words(text)
    if isinstance(words, Invalid):
        return words
    if any("=" in word for word in words):
        named = dict(word.partition("=")[::2] for word in words)
        if len(named) != len(words) or set(named) != {i.name for i in issues}:
            return Invalid(f"name each of {', '.join(i.name for i in issues)} once")
        words = [named[i.name] for i in issues]
    if len(words) != len(issues):
        return Invalid(f"{len(issues)} amounts are needed, one each for {_listed(issues)}")
    keep = []
    for word, issue in zip(words, issues, strict=True):
        amount = read_amount(word)
        if isinstance(amount, Invalid):
            return amount
        if not isinstance(amount, int) or not _is_possible(amount, (issue.quantity, issue.step)):
            steps = f" in steps of {issue.step}" if issue.step > 1 else ""
            return Invalid(
                f"{word} {issue.name} is not possible; there are {issue.quantity}{steps}"
            )
        keep.append(amount)
    return tuple(keep)


def _listed(issues: tuple[Issue, ...]) -> str:
    return ", ".join(i.name for i in issues)


def _with(
    pair: tuple[Amounts | None, Amounts | None], seat: int, value: Amounts | None
) -> tuple[Amounts | None, Amounts | None]:
    return (value, pair[1]) if seat == 0 else (pair[0], value)


_ACCEPT: Final = AllocationMove("ACCEPT")
_REJECT: Final = AllocationMove("REJECT")
