"""The phase machine: who is on turn in a social game, what they may do, and when it is over.

It plays any configuration. By itself it knows one kind of move, the vote; a phase of actions in
which all act at once is one, and so is one that is called a vote. Roles, words and places are the
business of the games built on it.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final, Generic, TypeVar

import numpy as np

from ...actions import ActionType
from ...moves import Invalid, MoveGrammar
from ..protocol import News, Solution, Stakes
from .positions import Ballot, DeductionParams, PhaseState, PhaseView
from .targets import Move, Nameable, NameGrammar

NOBODY_VOTED: Final = "Nobody was voted out."
TIED: Final = "The vote was tied; nobody was voted out."
NOBODY_ACTS: Final = "Nobody can act any more, and nobody has won."
_PREFIX: Final = "[Game] "
"""Before some published messages; who shows an announcement adds it anyway."""

P = TypeVar("P", bound=DeductionParams)
S = TypeVar("S", bound=PhaseState)
V = TypeVar("V", bound=PhaseView)


class PhaseMachine(ABC, Generic[P, S]):
    """Rules in phases for any configuration; a subclass adds kinds of phases and what is known.

    The kind of a state is found by a word in its name (`kinds`). A subclass says how a play opens
    and what a seat sees, and may add to the hooks `entered`, `happened`, `closed` and `legal`.
    """

    family: ClassVar[str]
    seats: ClassVar[int] = 0
    is_phased: ClassVar[bool] = True
    has_chance: ClassVar[bool] = True
    grammar: ClassVar[MoveGrammar]
    kinds: ClassVar[Mapping[str, str]] = {}
    """The kind of the states whose names hold a word; the first found counts."""
    guides: ClassVar[Mapping[str, str]] = {
        "talk": "Say something to the others.",
        "act": "Do something that suits the moment; it changes nothing in the game.",
        "vote": "Vote for the player who is to go out: `vote NAME`. Whoever has most votes is out; "
        "in a tie nobody is.",
    }
    """What can be done in each kind of phase."""

    # -- what a game adds -------------------------------------------------------------------------

    @abstractmethod
    def opening(self, params: P, seed: int, order: str) -> S:
        """The position before the first phase is entered."""

    def entered(self, state: S) -> S:
        """What happens when a phase begins."""
        return state

    def happened(self, state: S, moves: Mapping[int, Move]) -> S:
        """What happens at once when these moves are made."""
        return state

    def closed(self, state: S) -> S:
        """What comes of a phase when all have acted."""
        return self.counted(state) if self.kind(state) == "vote" else state

    def legal(self, state: S, seat: int) -> list[Move]:
        """The moves of a seat on turn."""
        return self.votes_of(state, seat) if self.kind(state) == "vote" else []

    def nameable(self, state: S) -> Nameable:
        """Whom or what the moves of the game can be about, dead or alive."""
        return {"vote": state.params.names}

    def refusal(self, state: S, seat: int, move: Move) -> str:
        """Why a move that names somebody cannot be made."""
        params, legal = state.params, self.legal_moves(state, seat)
        possible = dict.fromkeys(option.keyword for option in legal)
        if seat not in self.acting(state):
            return "you are not on turn"
        if move.keyword not in possible:
            now = " or ".join(f"{keyword} NAME" for keyword in possible)
            return f"{move.keyword} is not possible now" + (f"; use {now}" if now else "")
        if move.target in params.names and not state.alive[params.names.index(move.target)]:
            return f"{move.target} is out of the game"
        return f"you cannot {move.keyword} {move.target} now"

    # -- the contract of games in phases ----------------------------------------------------------

    def start(self, params: P, rng: np.random.Generator | None = None) -> S:
        return self.begin(params, rng, "round-robin")

    def begin(self, params: P, rng: np.random.Generator | None, order: str) -> S:
        seed = 0 if rng is None else int(rng.integers(2**63))
        state = self.opening(params, seed, order)
        state = self._enter(state, params.config.initial_state, "State: {}. The game begins!")
        return self._settled(state)

    def resample(self, params: P, seat: int, rng: np.random.Generator) -> P:
        """The roles of those whom the seat does not know as partners, dealt anew among them."""
        known = (seat, *params.partners(seat))
        return params.dealt([s for s in range(params.seats) if s not in known], rng)

    def acting(self, state: S) -> Sequence[int]:
        return tuple(seat for seat in self._due(state) if state.alive[seat])

    def action_types(self, state: S) -> tuple[ActionType, ...]:
        types: tuple[ActionType, ...] = state.params.config.properties(state.phase).actions
        return types if "none" in types else ("none", *types)

    def audience(self, state: S, seat: int) -> tuple[int, ...] | None:
        params = state.params
        match params.config.properties(state.phase).visibility:
            case "public":
                return None
            case "private":
                return ()
        return tuple(s for s in range(params.seats) if params.team(s) == params.team(seat))

    def news(self, state: S) -> Sequence[News]:
        return state.news

    def verdict(self, state: S) -> str:
        return state.verdict

    def parse(self, text: str, state: S, seat: int) -> Move | Invalid | None:
        grammar, legal = self.grammar, self.legal_moves(state, seat)
        assert isinstance(grammar, NameGrammar)
        found = grammar.read(text, self.nameable(state), is_lenient=not legal)
        if isinstance(found, Move) and found not in legal:
            return Invalid(self.refusal(state, seat, found))
        return found

    def legal_moves(self, state: S, seat: int) -> list[Move]:
        return self.legal(state, seat) if seat in self.acting(state) else []

    def sample_move(self, state: S, seat: int, rng: np.random.Generator) -> Move | None:
        moves = self.legal_moves(state, seat)
        return moves[int(rng.integers(len(moves)))] if moves else None

    def render(self, move: Move) -> str:
        return f"{move.keyword} {move.target}"

    def apply(self, state: S, moves: Mapping[int, Move]) -> S:
        due = self._due(state)
        made = tuple((seat, moves[seat]) for seat in self.acting(state) if seat in moves)
        state = replace(
            state,
            turn=state.turn + 1,
            queue=state.queue[len(due) :],
            moves=state.moves + made,
            news=(),
        )
        return self._settled(self.happened(state, dict(made)))

    def depart(self, state: S, seats: Sequence[int]) -> S:
        return state if self.is_over(state) else self._settled(self.without(state, seats, ()))

    def is_over(self, state: S) -> bool:
        return bool(state.verdict)

    def is_agreed(self, state: S) -> bool:
        return False

    def utilities(self, state: S) -> tuple[float, ...]:
        """1 for every seat of the team that has won, -1 for the others; 0 while nobody has."""
        points: tuple[float, ...] = state.params.points(state.winner)
        return points

    def stakes(self, params: P) -> Stakes:
        return Stakes(disagreement=(0.0,) * params.seats, ideal=(1.0,) * params.seats)

    def solution(self, params: P) -> Solution:
        """One point on the frontier for each team that can win."""
        winners = dict.fromkeys(condition.winner for condition in params.config.end_conditions)
        return Solution(
            disagreement=(0.0,) * params.seats,
            ideal=(1.0,) * params.seats,
            frontier=tuple(params.points(winner) for winner in winners),
            nash=None,
            utilitarian=None,
        )

    def max_turns(self, params: P) -> int:
        """As many turns as the longest play has in which somebody goes out every other round."""
        return params.round_turns * 2 * params.seats

    # -- for the games built on it ----------------------------------------------------------------

    def kind(self, state: S, phase: str | None = None) -> str:
        """What kind of phase the present one, or a named one, is."""
        name = (phase or state.phase).casefold()
        properties = state.params.config.properties(phase or state.phase)
        if "action" not in properties.actions:
            return "talk"
        for word, kind in self.kinds.items():
            if word in name:
                return kind
        order = properties.action_order or state.order
        return "vote" if "vote" in name or order == "simultaneous" else "act"

    def votes_of(self, state: S, seat: int) -> list[Move]:
        return [Move("vote", name) for name in state.others(seat)]

    def seen(self, view: type[V], state: S, seat: int, **own: Any) -> V:
        """The view of a seat, filled with what is the same in all games."""
        params = state.params
        facts = {
            "phase": state.phase,
            "turn": state.turn,
            "seat": seat,
            "names": params.names,
            "alive": state.alive,
            "role": params.role(seat),
            "team": params.team(seat),
            "partners": tuple(params.names[other] for other in params.partners(seat)),
            "options": tuple(self.render(move) for move in self.legal_moves(state, seat)),
            "instructions": self.guides[self.kind(state)],
            "known": (),
            "ballots": state.ballots,
        }
        return view(**(facts | own))

    def counted(self, state: S) -> S:
        """Count the votes of this phase: the one with most is out, unless two have as many."""
        names = state.params.names
        cast = [(names[seat], move.target) for seat, move in state.moves if move.keyword == "vote"]
        if state.params.config.properties(state.phase).visibility == "public":
            seen = tuple(Ballot(state.votes, voter, target) for voter, target in cast)
            state = replace(state, ballots=state.ballots + seen)
        state = replace(state, votes=state.votes + 1)
        tally = Counter(target for _, target in cast).most_common(2)
        if not tally:
            return self.told(state, NOBODY_VOTED)
        if len(tally) == 2 and tally[0][1] == tally[1][1]:
            return self.told(state, TIED)
        name = tally[0][0]
        return self.without(state, [names.index(name)], [f"{name} was voted out!"])

    def told(self, state: S, *texts: str, audience: tuple[int, ...] | None = None) -> S:
        """Announce something, to everybody or to some."""
        return replace(state, news=state.news + tuple(News(text, audience) for text in texts))

    def without(self, state: S, seats: Iterable[int], texts: Sequence[str]) -> S:
        """Put seats out together, tell it, and see whether that ends the game."""
        gone = set(seats)
        queue = state.queue
        if self._is_public(state):
            queue = tuple(seat for seat in queue if seat not in gone)
        state = replace(
            state,
            alive=tuple(is_in and seat not in gone for seat, is_in in enumerate(state.alive)),
            queue=queue,
            moves=tuple((seat, move) for seat, move in state.moves if seat not in gone),
        )
        return self._tested(self.told(state, *texts))

    def decided(self, state: S, winner: str, verdict: str) -> S:
        """End the game."""
        told = self.told(state, verdict.removeprefix(_PREFIX))
        return replace(told, winner=winner, verdict=verdict, queue=())

    # -- the course -------------------------------------------------------------------------------

    def _enter(self, state: S, phase: str, announcement: str = "Entering state: {}") -> S:
        properties = state.params.config.properties(phase)
        summoned, visits = list(self._summoned(state, phase)), state.visits + 1
        seats = [seat for seat in summoned if state.alive[seat]]
        if (properties.action_order or state.order) == "random":
            lots = np.random.default_rng([state.seed, visits])
            seats = [seats[int(index)] for index in lots.permutation(len(seats))]
        if properties.visibility != "public":
            seats += [seat for seat in summoned if not state.alive[seat]]
        news = (*state.news, News(announcement.format(phase)))
        return self.entered(
            replace(state, phase=phase, visits=visits, queue=tuple(seats), moves=(), news=news)
        )

    def _settled(self, state: S) -> S:
        """Close and open phases until somebody is due or the game is over."""
        following = state.params.config.state_transition
        while not state.queue and not self.is_over(state):
            state = self._tested(self.closed(state))
            if not self.is_over(state):
                if not self._can_go_on(state):
                    return self.decided(state, "", NOBODY_ACTS)
                state = self._enter(state, following[state.phase])
        return state

    def _can_go_on(self, state: S) -> bool:
        """Whether anybody who is still in can act in a phase to come."""
        phase = state.phase
        for _ in state.params.config.state_transition:
            phase = state.params.config.state_transition[phase]
            if any(state.alive[seat] for seat in self._summoned(state, phase)):
                return True
        return False

    def _summoned(self, state: S, phase: str) -> Iterable[int]:
        """Seats that a phase is for, whether they are still in or not."""
        params: P = state.params
        roles = params.config.properties(phase).acting_roles
        return (s for s in range(params.seats) if roles is None or params.role(s) in roles)

    def _due(self, state: S) -> Sequence[int]:
        """Seats whose turn it is. One that is out lets it pass, so that nobody can count who is."""
        return state.queue if self._order(state) == "simultaneous" else state.queue[:1]

    def _is_public(self, state: S) -> bool:
        visibility: str = state.params.config.properties(state.phase).visibility
        return visibility == "public"

    def _tested(self, state: S) -> S:
        if self.is_over(state):
            return state
        params = state.params
        living = Counter(params.team(seat) for seat in state.living)
        for condition in params.config.end_conditions:
            if condition.holds(living):
                verdict = condition.message or f"{condition.winner} win."
                return self.decided(state, condition.winner, verdict)
        return state

    def _order(self, state: S) -> str:
        order: str | None = state.params.config.properties(state.phase).action_order
        return order or state.order
