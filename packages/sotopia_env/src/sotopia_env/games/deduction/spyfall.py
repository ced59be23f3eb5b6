"""Spyfall: all but the spy know where they are; the others look for the spy, the spy for the place.

A round is a round of questions and a vote. In the vote the spy may name the place instead, once,
which ends the game either way; and after a number of rounds a spy who is still in has won.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self

import numpy as np
from pydantic import ConfigDict, model_validator

from ...moves import MoveGrammar
from .phases import PhaseMachine
from .positions import DeductionParams, PhaseState, PhaseView
from .targets import Move, Nameable, NameGrammar, folded

NAMED: Final = "The spy named the location."
MISNAMED: Final = "The spy named a wrong location."
HIDDEN: Final = "The spy stayed hidden to the end."


class SpyfallParams(DeductionParams):
    """One instance. The spies are the hidden team of the configuration."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    family: Literal["spyfall"] = "spyfall"
    location: str
    """Private: where they are."""
    places: tuple[str, ...]
    """Where they could be; known to all."""
    rounds: int = 3
    """Votes after which a spy who is still in has won."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.location not in self.places:
            raise ValueError(f"location {self.location!r} is not among the places {self.places}")
        if len({folded(place) for place in self.places}) < len(self.places):
            raise ValueError(f"places must differ, got {self.places}")
        if len(self.config.teams) < 2:
            raise ValueError(f"spyfall needs a team beside {self.config.teams[0]!r}")
        if self.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {self.rounds}")
        return self

    def is_spy(self, seat: int) -> bool:
        return self.team(seat) == self.config.hidden_team

    @property
    def side(self) -> str:
        """The team of those who know the place."""
        return next(team for team in self.config.teams if team != self.config.hidden_team)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpyfallState(PhaseState):
    """A position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpyfallView(PhaseView):
    """What one seat knows."""

    location: str | None
    """Where they are; `None` for the spy."""
    places: tuple[str, ...]
    rounds_left: int
    """Votes still to come, if nobody wins before."""


class Spyfall(PhaseMachine[SpyfallParams, SpyfallState]):
    """The guess and the limit of rounds on top of the rules of every social game."""

    family: ClassVar[str] = "spyfall"
    grammar: ClassVar[MoveGrammar] = NameGrammar("vote", "guess")
    guides: ClassVar[Mapping[str, str]] = {
        **PhaseMachine.guides,
        "talk": "Say or ask something about the place you are at, without naming it.",
    }

    def opening(self, params: SpyfallParams, seed: int, order: str) -> SpyfallState:
        return SpyfallState(params=params, seed=seed, order=order, alive=(True,) * params.seats)

    def resample(self, params: SpyfallParams, seat: int, rng: np.random.Generator) -> SpyfallParams:
        dealt = super().resample(params, seat, rng)
        if not params.is_spy(seat):
            return dealt
        location = params.places[int(rng.integers(len(params.places)))]
        changes = dict.fromkeys(params.config.role_secrets, (params.location, location))
        return dealt.rewritten(changes).model_copy(update={"location": location})

    def legal(self, state: SpyfallState, seat: int) -> list[Move]:
        moves = super().legal(state, seat)
        if self.kind(state) == "vote" and state.params.is_spy(seat):
            moves += [Move("guess", place) for place in state.params.places]
        return moves

    def nameable(self, state: SpyfallState) -> Nameable:
        return {"vote": state.params.names, "guess": state.params.places}

    def refusal(self, state: SpyfallState, seat: int, move: Move) -> str:
        if move.keyword == "guess" and not state.params.is_spy(seat):
            return "only the spy may guess the place"
        return super().refusal(state, seat, move)

    def closed(self, state: SpyfallState) -> SpyfallState:
        params: SpyfallParams = state.params
        guesses = [move.target for _, move in state.moves if move.keyword == "guess"]
        if params.location in guesses:
            return self.decided(state, params.config.hidden_team, NAMED)
        if guesses:
            return self.decided(state, params.side, MISNAMED)
        before = state.votes
        state = super().closed(state)
        if self.is_over(state) or state.votes == before or state.votes < params.rounds:
            return state
        is_hidden = any(params.is_spy(seat) for seat in state.living)
        return self.decided(state, params.config.hidden_team, HIDDEN) if is_hidden else state

    def max_turns(self, params: SpyfallParams) -> int:
        return params.round_turns * params.rounds

    def observe(self, state: SpyfallState, seat: int) -> SpyfallView:
        params: SpyfallParams = state.params
        is_spy = params.is_spy(seat)
        guide = self.guides[self.kind(state)]
        if is_spy and self.kind(state) == "vote":
            guide += " Or name the place, `guess PLACE`: if it is right you win, if not you lose."
        return self.seen(
            SpyfallView,
            state,
            seat,
            instructions=guide,
            known=() if is_spy else (f"The location is {params.location}.",),
            location=None if is_spy else params.location,
            places=params.places,
            rounds_left=params.rounds - state.votes,
        )
