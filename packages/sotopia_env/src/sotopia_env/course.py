"""The course of an episode: who is there, who is on turn, what was done, and when it is over.

The environment translates between this and PettingZoo's contract.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .actions import NO_ACTION, ActionType, AgentAction, UnreadableAction
from .episode import Announcement, Outcome, Transcript, Turn
from .moves import Invalid
from .perception import UNSEEN
from .profiles import EnvironmentProfile
from .reading import deed, possible
from .scene import Scene
from .termination import FEWEST_SEATS, Ruling, Terminator, ending
from .turns import ActionOrder, given_the_floor, next_seat


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRules:
    """How turns are taken and when they end; the same in every episode of an environment."""

    order: ActionOrder
    max_turns: int
    max_stale_turns: int | None
    types: tuple[ActionType, ...]
    """What seats may choose, unless a game in phases allows less."""
    terminators: tuple[Terminator, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """A position to return to. Holds references; taking one copies no text."""

    profile: EnvironmentProfile
    turns: tuple[Turn, ...]
    announcements: tuple[Announcement, ...]
    turn: int
    silent_turns: int
    outcome: Outcome | None
    ending: str
    left: tuple[str, ...]
    game_state: Any
    previous: int
    spoke: tuple[int, ...]
    turn_order: tuple[str, ...]
    types: tuple[ActionType, ...]
    agents: tuple[str, ...]
    invalid: tuple[int, ...]


class Course:
    """One episode at a time; `begin` before the first turn, then `play` turn by turn.

    Args:
        rules: of turns and endings.
        keys: of the seats, in order.
        generator: gives the generator of chance, which is costly to make and seldom needed.
    """

    transcript: Transcript

    def __init__(
        self, rules: TurnRules, keys: tuple[str, ...], generator: Callable[[], np.random.Generator]
    ) -> None:
        self._rules, self._keys, self._generator = rules, keys, generator
        self._seat = {key: number for number, key in enumerate(keys)}
        self.agents: list[str] = []
        """Seats still there; none when it is over."""
        self.turn_order: tuple[str, ...] = ()
        """Seats that may act now; none while a turn passes in secret in a game in phases."""
        self.types = rules.types
        """What they may choose."""
        self.invalid_moves: list[int] = []
        """Actions that did not count, by seat."""
        self.terminations: dict[str, bool] = {}
        self.truncations: dict[str, bool] = {}
        """Who ended with the last turn, of those who were there in it."""
        self._scene: Scene
        self._previous = -1
        self._spoke: list[int] = []
        """Turn in which each seat last had the floor."""
        self._present: list[int] = []
        self._orders: dict[int, tuple[str, ...]] = {}
        """Who is on turn after which seat, while nobody comes or goes."""
        self._falses: dict[str, bool] = {}
        """For each seat present; a dict is copied in a third of the time it takes to make one."""

    def begin(self, scene: Scene) -> tuple[Announcement, ...]:
        """Start an episode; what a game in phases announces at once."""
        self._scene = scene
        game, state = scene.game, None
        if game is not None:
            generator = self._generator() if game.has_chance else None
            if scene.is_phased:
                state = game.begin(scene.params, generator, self._rules.order)
            else:
                state = game.start(scene.params, generator)
        self.transcript = Transcript(
            scene.profile,
            dict(zip(self._keys, scene.names, strict=True)),
            game=game,
            game_state=state,
            characters=scene.characters,
        )
        self._previous, self._spoke = -1, [-1] * len(self._keys)
        self._seat_those(list(range(len(self._keys))))
        self.agents, self.types = list(self._keys), self._rules.types
        self.invalid_moves = [0] * len(self._keys)
        self.turn_order = self._next()
        return self._announced(-1)

    def play(
        self, read: Mapping[str, AgentAction | UnreadableAction]
    ) -> tuple[list[Turn], tuple[Announcement, ...]]:
        """One turn, in which the seats on turn (and perhaps others) did this.

        What they did as it stands in the record, and what was announced after it. `agents`,
        `turn_order`, `types`, `terminations` and `truncations` are those after the turn.
        """
        masked = self._out_of_turn(read) if len(read) > len(self.turn_order) else []
        said = self._taken_down(read)
        self.transcript.turn += 1
        self._advance(said)
        self.transcript.turns += masked
        return said + masked, self._announced(self.transcript.turn - 1)

    def position(self) -> Position:
        """Where the episode stands."""
        transcript = self.transcript
        return Position(
            profile=transcript.profile,
            turns=tuple(transcript.turns),
            announcements=tuple(transcript.announcements),
            turn=transcript.turn,
            silent_turns=transcript.silent_turns,
            outcome=transcript.outcome,
            ending=transcript.ending,
            left=transcript.left,
            game_state=transcript.game_state,
            previous=self._previous,
            spoke=tuple(self._spoke),
            turn_order=self.turn_order,
            types=self.types,
            agents=tuple(self.agents),
            invalid=tuple(self.invalid_moves),
        )

    def go_to(self, position: Position, scene: Scene) -> None:
        """Go on from a position of this scene."""
        self._scene = scene
        self.transcript = Transcript(
            profile=position.profile,
            names=dict(zip(self._keys, scene.names, strict=True)),
            turns=list(position.turns),
            announcements=list(position.announcements),
            turn=position.turn,
            silent_turns=position.silent_turns,
            outcome=position.outcome,
            ending=position.ending,
            left=position.left,
            characters=scene.characters,
            game=scene.game,
            game_state=position.game_state,
        )
        self._previous, self._spoke = position.previous, list(position.spoke)
        self.turn_order, self.types = position.turn_order, position.types
        self.agents, self.invalid_moves = list(position.agents), list(position.invalid)
        self._seat_those([self._seat[key] for key in self.agents])

    # -- who is on turn -------------------------------------------------------------------------

    def _seat_those(self, seats: list[int]) -> None:
        if seats != self._present:
            self._present, self._orders = seats, {}
            self._falses = dict.fromkeys([self._keys[seat] for seat in seats], False)

    def _next(self) -> tuple[str, ...]:
        """Keys of the seats on turn now."""
        scene, order, present = self._scene, self._rules.order, self._present
        if scene.is_phased:
            state = self.transcript.game_state
            allowed = scene.game.action_types(state)
            self.types = tuple(kind for kind in self._rules.types if kind in allowed)
            acting = scene.game.acting(state)
            return tuple(self._keys[seat] for seat in acting if seat in present)
        if order == "random":
            return (self._keys[present[int(self._generator().integers(len(present)))]],)
        previous = self._previous if order == "round-robin" else -1
        if previous not in self._orders:
            seats = next_seat(previous, present) if order == "round-robin" else present
            self._orders[previous] = tuple(self._keys[seat] for seat in seats)
        return self._orders[previous]

    # -- one turn -------------------------------------------------------------------------------

    def _taken_down(self, read: Mapping[str, AgentAction | UnreadableAction]) -> list[Turn]:
        """What the seats on turn did, as it enters the record; formal moves in it are applied."""
        transcript, scene, types = self.transcript, self._scene, self.types
        game, state, number = scene.game, transcript.game_state, transcript.turn
        is_plain, is_silent = not scene.is_phased, True
        waiting: Collection[str] = ()
        if self._rules.order == "agent-chosen" and is_plain:
            waiting = self._waiting({key: possible(read[key], types) for key in self.turn_order})
        said: list[Turn] = []
        moves: dict[int, Any] = {}
        for key in self.turn_order:
            if key in waiting:
                said.append(Turn(number, key, NO_ACTION, waited=True))
                is_silent = False
                continue
            action, seat = possible(read[key], types), self._seat[key]
            audience = found = None
            if isinstance(action, Invalid):
                action, found = NO_ACTION, action
            elif is_plain and action.action_type == "speak" and not action.to:
                found = None if game is None else game.parse(action.argument, state, seat)
            else:
                names = transcript.names
                action, audience, found = deed(action, key, scene, state, names, self.agents)
            move = invalid = None
            if isinstance(found, Invalid):
                invalid = found.reason
                self.invalid_moves[seat] += 1
            elif found is not None:
                moves[seat] = found
                move = game.render(found)
            if action.action_type != UNSEEN:
                is_silent = False
            said.append(Turn(number, key, action, move, invalid, audience))
        transcript.turns += said
        if not is_silent:
            transcript.silent_turns = 0
        elif said:
            transcript.silent_turns += 1
        if game is not None:
            transcript.game_state = game.apply(state, moves)
        return said

    def _out_of_turn(self, read: Mapping[str, AgentAction | UnreadableAction]) -> list[Turn]:
        """What seats attempted whose turn it was not: nothing comes of it."""
        number = self.transcript.turn
        return [
            Turn(number, key, NO_ACTION, masked=True)
            for key, action in read.items()
            if key not in self.turn_order
            and (isinstance(action, UnreadableAction) or action.action_type != UNSEEN)
        ]

    def _waiting(self, chosen: Mapping[str, AgentAction | Invalid]) -> set[str]:
        """Seats that raised a hand in vain. Whoever leaves needs no floor."""
        hands = [
            self._seat[key]
            for key, action in chosen.items()
            if isinstance(action, AgentAction) and action.action_type not in (UNSEEN, "leave")
        ]
        floor = given_the_floor(hands, self._spoke, self._generator()) if hands else None
        if floor is not None:
            self._spoke[floor] = self.transcript.turn
        return {self._keys[seat] for seat in hands if seat != floor}

    def _announced(self, number: int) -> tuple[Announcement, ...]:
        """What a game in phases announces after turn `number`."""
        if not self._scene.is_phased:
            return ()
        news = tuple(
            Announcement(
                number,
                item.text,
                None if item.audience is None else tuple(self._keys[s] for s in item.audience),
            )
            for item in self._scene.game.news(self.transcript.game_state)
        )
        self.transcript.announcements += news
        return news

    def _advance(self, said: Sequence[Turn]) -> None:
        """Decide what has ended and who is next."""
        transcript, live = self.transcript, self.agents
        self.terminations, self.truncations = self._falses.copy(), self._falses.copy()
        leavers = [t.seat for t in said if t.action.action_type == "leave"]
        remaining = self._without(leavers) if leavers else live
        outcome, words = self._outcome(len(remaining))
        if outcome is None:
            self._previous = self._seat[said[-1].seat] if said else self._previous
            self.agents, self.turn_order = remaining, self._next()
        else:
            transcript.outcome, transcript.ending = outcome, words
            self.agents, self.turn_order = [], ()
        is_cut = outcome == "turn limit"
        for key in leavers if outcome is None or is_cut else live:
            self.terminations[key] = True
        if is_cut:
            for key in remaining:
                self.truncations[key] = True

    def _without(self, leavers: Sequence[str]) -> list[str]:
        """Let seats go; those that remain."""
        transcript = self.transcript
        transcript.left = (*transcript.left, *leavers)
        remaining = [key for key in self.agents if key not in leavers]
        self._seat_those([self._seat[key] for key in remaining])
        if self._scene.is_phased:
            gone = [self._seat[key] for key in leavers]
            transcript.game_state = self._scene.game.depart(transcript.game_state, gone)
        return remaining

    def _outcome(self, present: int) -> tuple[Outcome | None, str]:
        """How the episode has ended with so many seats present, and why in words."""
        transcript, rules = self.transcript, self._rules
        ruling, verdict = (None, "") if self._scene.game is None else self._ruling()
        reasons = [verdict] if verdict else []
        for rule in rules.terminators:
            if reason := rule.evaluate(transcript).terminated:
                reasons.append(reason)
        is_going_on = ruling is None and not reasons and present >= FEWEST_SEATS
        if is_going_on and transcript.turn < rules.max_turns and not transcript.silent_turns:
            return None, ""  # as after most turns
        return ending(
            ruling,
            present=present,
            silent_turns=transcript.silent_turns,
            max_stale_turns=rules.max_stale_turns,
            reasons=reasons,
            turn=transcript.turn,
            max_turns=rules.max_turns,
        )

    def _ruling(self) -> tuple[Ruling | None, str]:
        """What the rules make of the position, and how a game in phases puts it."""
        game, state = self._scene.game, self.transcript.game_state
        if self._scene.is_phased:
            return ("over", game.verdict(state)) if game.is_over(state) else (None, "")
        if game.is_agreed(state):
            return "agreement", ""
        return ("no agreement", "") if game.is_over(state) else (None, "")
