"""Werewolf: a village looks for the wolves among it, who kill at night.

What a state is for is read from its name: `werewolf` or `wolves`, `seer`, `witch`, `vote`. A
configuration without such names is played by the rules that hold for every social game.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

import numpy as np
from pydantic import ConfigDict

from ...moves import MoveGrammar
from .phases import PhaseMachine
from .positions import DeductionParams, PhaseState, PhaseView
from .targets import Move, Nameable, NameGrammar

KEYWORDS: Final = ("kill", "inspect", "save", "poison", "vote")
QUIET_NIGHT: Final = "Nobody died last night."
_POTIONS: Final = ("save", "poison")


class WerewolfParams(DeductionParams):
    """One instance."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    family: Literal["werewolf"] = "werewolf"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a seer did in turn `turn`, counted from 0."""

    turn: int
    seer: int
    subject: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WerewolfState(PhaseState):
    """A position. The deaths of a night are told when it is over."""

    is_night: bool = False
    """The wolves have chosen, and the village does not know yet."""
    victim: int | None = None
    poisoned: int | None = None
    can_save: bool = True
    can_poison: bool = True
    inspections: tuple[Inspection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WerewolfView(PhaseView):
    """What one seat knows."""

    victim: str | None
    """Of this night, for a witch on turn."""
    can_save: bool | None
    can_poison: bool | None
    """Potions left, for a witch."""
    inspected: tuple[tuple[str, str], ...]
    """For a seer: whom it has inspected, and their team."""


class Werewolf(PhaseMachine[WerewolfParams, WerewolfState]):
    """Rules of the night on top of those of every social game."""

    family: ClassVar[str] = "werewolf"
    grammar: ClassVar[MoveGrammar] = NameGrammar(*KEYWORDS)
    kinds: ClassVar[Mapping[str, str]] = {
        "werewol": "kill",
        "wolves": "kill",
        "seer": "inspect",
        "witch": "potions",
    }
    guides: ClassVar[Mapping[str, str]] = {
        **PhaseMachine.guides,
        "kill": "Choose tonight's victim with the other werewolves: `kill NAME`. Most of you "
        "decide, a tie is drawn by lot.",
        "inspect": "Learn which team a player is on: `inspect NAME`.",
        "potions": "Use a potion or do nothing: `save NAME` for tonight's victim, or "
        "`poison NAME` to kill somebody. You have each potion once.",
    }

    def opening(self, params: WerewolfParams, seed: int, order: str) -> WerewolfState:
        stocks = [
            properties.internal_state for properties in params.config.state_properties.values()
        ]
        return WerewolfState(
            params=params,
            seed=seed,
            order=order,
            alive=(True,) * params.seats,
            can_save=all(stock.get("save_available", True) for stock in stocks),
            can_poison=all(stock.get("poison_available", True) for stock in stocks),
        )

    def entered(self, state: WerewolfState) -> WerewolfState:
        if self.kind(state) != "potions" or state.victim is None:
            return state
        attacked = f"{state.params.names[state.victim]} was attacked by werewolves tonight."
        for witch in state.queue:
            if state.alive[witch]:
                state = self.told(state, attacked, audience=(witch,))
        return state

    def legal(self, state: WerewolfState, seat: int) -> list[Move]:
        params = state.params
        others = state.others(seat)
        match self.kind(state):
            case "kill":
                foes = {
                    params.names[s] for s in state.living if params.team(s) != params.team(seat)
                }
                return [Move("kill", name) for name in others if name in foes]
            case "inspect":
                return [Move("inspect", name) for name in others]
            case "potions":
                attacked = [params.names[seat] for seat in state.living if seat == state.victim]
                saved = [Move("save", name) for name in attacked if state.can_save]
                return saved + [Move("poison", name) for name in others if state.can_poison]
        return super().legal(state, seat)

    def nameable(self, state: WerewolfState) -> Nameable:
        return dict.fromkeys(KEYWORDS, state.params.names)

    def refusal(self, state: WerewolfState, seat: int, move: Move) -> str:
        if self.kind(state) == "potions" and seat in self.acting(state):
            is_left = state.can_save if move.keyword == "save" else state.can_poison
            if move.keyword in _POTIONS and not is_left:
                return f"the potion to {move.keyword} with is used up"
            if move.keyword == "save":
                return f"{move.target} was not attacked tonight"
        return super().refusal(state, seat, move)

    def happened(self, state: WerewolfState, moves: Mapping[int, Move]) -> WerewolfState:
        names = state.params.names
        for seat, (keyword, target) in moves.items():
            subject = names.index(target)
            match keyword:
                case "inspect":
                    state = self._inspected(state, seat, subject)
                case "save" if state.can_save:
                    state = replace(state, victim=None, can_save=False)
                case "poison" if state.can_poison:
                    state = replace(state, poisoned=subject, can_poison=False)
        return state

    def closed(self, state: WerewolfState) -> WerewolfState:
        state = super().closed(state)
        if self.kind(state) == "kill":
            state = replace(state, is_night=True, victim=self._victim(state))
        following = state.params.config.state_transition[state.phase]
        visibility = state.params.config.properties(following).visibility
        is_dawn = visibility == "public" or self.kind(state, following) == "kill"
        return self._dawn(state) if state.is_night and is_dawn else state

    def observe(self, state: WerewolfState, seat: int) -> WerewolfView:
        params = state.params
        own = [i.subject for i in state.inspections if i.seer == seat]
        inspected = tuple((params.names[s], params.team(s)) for s in own)
        is_witch = self._is_witch(state, seat)
        is_told = self.kind(state) == "potions" and seat in state.queue
        victim = state.victim if is_told else None
        return self.seen(
            WerewolfView,
            state,
            seat,
            known=tuple(_found(name, team) for name, team in inspected),
            victim=None if victim is None else params.names[victim],
            can_save=state.can_save if is_witch else None,
            can_poison=state.can_poison if is_witch else None,
            inspected=inspected,
        )

    def _is_witch(self, state: WerewolfState, seat: int) -> bool:
        role = state.params.role(seat)
        return any(
            self.kind(state, phase) == "potions"
            and (properties.acting_roles is None or role in properties.acting_roles)
            for phase, properties in state.params.config.state_properties.items()
        )

    def _inspected(self, state: WerewolfState, seer: int, subject: int) -> WerewolfState:
        params = state.params
        done = (*state.inspections, Inspection(state.turn - 1, seer, subject))
        text = _found(params.names[subject], params.team(subject))
        return self.told(replace(state, inspections=done), text, audience=(seer,))

    def _victim(self, state: WerewolfState) -> int | None:
        """Whom most wolves chose; the lot decides among several."""
        names: tuple[str, ...] = state.params.names
        chosen = Counter(
            names.index(move.target) for _, move in state.moves if move.keyword == "kill"
        )
        if not chosen:
            return None
        most = max(chosen.values())
        tied = sorted(seat for seat, count in chosen.items() if count == most)
        if len(tied) == 1:
            return tied[0]
        lot = np.random.default_rng([state.seed, state.visits, 1])
        return tied[int(lot.integers(len(tied)))]

    def _dawn(self, state: WerewolfState) -> WerewolfState:
        """The night's deaths, all at once."""
        names, victim, poisoned = state.params.names, state.victim, state.poisoned
        gone = [seat for seat in state.living if seat in (victim, poisoned)]
        texts = [f"{names[seat]} was killed by werewolves!" for seat in gone if seat == victim]
        texts += [f"{names[seat]} died during the night." for seat in gone if seat != victim]
        state = replace(state, is_night=False, victim=None, poisoned=None)
        return self.without(state, gone, texts or [QUIET_NIGHT])


def _found(name: str, team: str) -> str:
    return f"{name} is on team: {team}"
