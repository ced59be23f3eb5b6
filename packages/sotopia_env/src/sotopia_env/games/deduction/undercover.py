"""Undercover: all have the same word but one or two, who have another; nobody is told who is who.

Whoever says the own word is out at once, in the singular, in the plural or spelled out. A rule that
only forbade it would pay for breaking it: the word proves to all who share it that its speaker is
one of them. As it is, that proof costs the speaker its seat and tells the other side the word.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
from pydantic import ConfigDict, model_validator

from ...moves import Invalid, MoveGrammar
from .phases import PhaseMachine
from .positions import DeductionParams, PhaseState, PhaseView
from .targets import Move, NameGrammar

SURVIVED: Final = "The undercover stayed hidden to the end."
_SAY: Final = "say"
_JOINTS: Final = r"(?:[^\w\s]|_){0,2}"
"""What may stand within a written word."""
_GAPS: Final = r"[\W_]{1,3}"
"""What stands between all letters of a word that is spelled out."""


class UndercoverParams(DeductionParams):
    """One instance. Who is undercover is the hidden team of the configuration."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    family: Literal["undercover"] = "undercover"
    words: tuple[str, ...]
    """Private: the word of each seat."""
    rounds: int
    """Votes after which an undercover who is still in has won."""
    is_blind: bool = True
    """Whether nobody knows its role, but only its word."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.words) != self.seats or not all(_plain(word).strip() for word in self.words):
            raise ValueError(f"words: one for each of {self.seats} seats, got {self.words}")
        if self.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {self.rounds}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class UndercoverState(PhaseState):
    """A position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndercoverView(PhaseView):
    """What one seat knows."""

    word: str
    """The own one."""
    rounds_left: int
    """Votes still to come, if nobody wins before."""


class Undercover(PhaseMachine[UndercoverParams, UndercoverState]):
    """The forbidden word and the limit of rounds on top of the rules of every social game."""

    family: ClassVar[str] = "undercover"
    grammar: ClassVar[MoveGrammar] = NameGrammar("vote")
    kinds: ClassVar[Mapping[str, str]] = {"description": "describe"}
    guides: ClassVar[Mapping[str, str]] = {
        **PhaseMachine.guides,
        "talk": "Describe your word in one sentence. Do not say it.",
        "describe": "Describe your word in one sentence. Whoever says the own word is out.",
    }

    def opening(self, params: UndercoverParams, seed: int, order: str) -> UndercoverState:
        return UndercoverState(params=params, seed=seed, order=order, alive=(True,) * params.seats)

    def resample(
        self, params: UndercoverParams, seat: int, rng: np.random.Generator
    ) -> UndercoverParams:
        """Another who is undercover; where nobody knows its role, the own side may change too.

        The own word stays. All sides keep their sizes, and every side has one word.
        """
        if params.is_blind:
            dealt = params.dealt(range(params.seats), rng)
        else:
            dealt = super().resample(params, seat, rng)
        word_of = {params.team(s): word for s, word in enumerate(params.words)}
        before, now = params.team(seat), dealt.team(seat)
        word_of[before], word_of[now] = word_of[now], params.words[seat]
        words = tuple(word_of[dealt.team(s)] for s in range(params.seats))
        old = {params.role(s): word for s, word in enumerate(params.words)}
        new = {dealt.role(s): word for s, word in enumerate(words)}
        changes = {role: (old[role], new[role]) for role in old}
        return dealt.rewritten(changes).model_copy(update={"words": words})

    def parse(self, text: str, state: UndercoverState, seat: int) -> Move | Invalid | None:
        word = state.params.words[seat]
        if seat in self.acting(state) and says(text, word):
            return Move(_SAY, word)
        return super().parse(text, state, seat)

    def happened(self, state: UndercoverState, moves: Mapping[int, Move]) -> UndercoverState:
        names = state.params.names
        gone = [seat for seat, move in moves.items() if move.keyword == _SAY]
        if not gone:
            return state
        state = self.without(
            state, gone, [f"{names[seat]} said the word and is out!" for seat in gone]
        )
        against = {names[seat] for seat in gone}
        return replace(state, moves=tuple(m for m in state.moves if m[1].target not in against))

    def closed(self, state: UndercoverState) -> UndercoverState:
        params: UndercoverParams = state.params
        before = state.votes
        state = super().closed(state)
        if self.is_over(state) or state.votes == before or state.votes < params.rounds:
            return state
        is_hidden = any(params.team(seat) == params.config.hidden_team for seat in state.living)
        return self.decided(state, params.config.hidden_team, SURVIVED) if is_hidden else state

    def max_turns(self, params: UndercoverParams) -> int:
        return params.round_turns * params.rounds

    def observe(self, state: UndercoverState, seat: int) -> UndercoverView:
        params: UndercoverParams = state.params
        hidden: dict[str, Any] = {"role": "", "team": "", "partners": ()} if params.is_blind else {}
        return self.seen(
            UndercoverView,
            state,
            seat,
            known=(f"Your word is {params.words[seat]}.",),
            word=params.words[seat],
            rounds_left=params.rounds - state.votes,
            **hidden,
        )


def says(text: str, word: str) -> bool:
    """Whether `word` stands in a text as a word: alone, in the plural, quoted or spelled out."""
    return _pattern(word).search(_plain(text)) is not None


@lru_cache(maxsize=1024)
def _pattern(word: str) -> re.Pattern[str]:
    *before, last = _plain(word).split()
    forms = [last, last + "s", last + "es"]
    if last.endswith("y"):
        forms.append(last[:-1] + "ies")
    if last.endswith(("f", "fe")):
        forms.append(last.removesuffix("e")[:-1] + "ves")
    ways = []
    for form in forms:
        words = [*before, form]
        ways.append(_GAPS.join(map(re.escape, "".join(words))))
        ways.append(r"[\W_]*".join(_JOINTS.join(map(re.escape, part)) for part in words))
    return re.compile(rf"(?<!\w)(?:{'|'.join(ways)})(?!\w)")


def _plain(text: str) -> str:
    return "".join(map(_plain_character, text))


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    """Without case, accents and what cannot be seen; over whole texts this would be quadratic."""
    kept = [
        c
        for c in unicodedata.normalize("NFKD", character)
        if c.isspace() or unicodedata.category(c) not in ("Mn", "Cf", "Cc")
    ]
    return "".join(kept).casefold()
