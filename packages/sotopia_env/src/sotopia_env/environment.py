"""The environment: a PettingZoo `ParallelEnv` in which agents pursue private goals in words.

Pure and seeded: it calls no model and no network, and a turn costs the same at any length of the
conversation. Rewards are added by the wrappers of `rewards.py`.
"""

import copy
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from gymnasium.utils.seeding import np_random
from pettingzoo import ParallelEnv

from .actions import (
    ACTION_TYPES,
    NO_ACTION,
    ActionLike,
    ActionType,
    AgentAction,
    UnreadableAction,
    as_action,
)
from .episode import Announcement, Outcome, Transcript, Turn
from .errors import ActionError, ConfigurationError, one_of
from .games.protocol import Solution
from .moves import Invalid
from .perception import (
    UNSEEN,
    Info,
    Observation,
    conversation,
    history,
    perceived,
)
from .profiles import EnvironmentProfile
from .reading import deed, possible
from .scene import Characters, Scene, scene_of
from .spaces import ActionSpace, ObservationSpace
from .termination import FEWEST_SEATS, Ruling, Terminator, ending
from .turns import ACTION_ORDERS, ActionOrder, given_the_floor, next_seat
from .visibility import VISIBILITIES, Visibility

_LOG: Final = logging.getLogger(__name__)

StepResult: TypeAlias = tuple[
    dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]
]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A position of an environment, to return to. Holds references; taking one copies no text."""

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
    rewards: tuple[tuple[str, float], ...]
    invalid: tuple[int, ...]
    rng_state: Mapping[str, Any]


class SotopiaEnv(ParallelEnv[str, Observation, ActionLike]):
    """A conversation of n seats in one scenario; without a reward wrapper all rewards are 0.

    Args:
        source: gives the scenario of an episode, from the seed of `reset` (`None`: draw one).
        seats: how many; at least 2.
        characters: who sits where; by default the scenario's own names.
        action_order: `round-robin`, `simultaneous`, `random` or `agent-chosen`; see `turns.py`. A
            game in phases has orders of its own.
        max_turns: turns, of any seat, after which the episode is truncated.
        max_stale_turns: turns in a row in which nobody on turn does anything, beyond which the
            episode ends; `None` is any number.
        action_types: what seats may choose; `none` is always among them.
        visibility: what the seats are told at the start: `private` goes by the relationship, `lite`
            tells no backgrounds, and `omniscient` tells everybody everything.
        terminators: further rules that end an episode: evaluators whose `Evaluation.terminated` is
            the reason. They are asked after every turn, so they should look at its end only.
        render_mode: `ansi` gives `render()` as text, `human` prints it.
        seed: of the generator that supplies seeds to `reset()` without one.

    Seats are `agent_0`, `agent_1`, ... in every dict. Masks are in `infos[seat]["action_mask"]` and
    `observations[seat]["actions"]`. A seat that is not on turn may only do `none`; anything else of
    it is turned into `none` and flagged by `infos[seat]["off_turn"]`.

    Raises:
        ConfigurationError: for an argument that cannot work.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  # as PettingZoo declares it
        "name": "sotopia_v0",
        "render_modes": ["ansi", "human"],
        "is_parallelizable": True,
        "render_fps": 1,
    }

    def __init__(
        self,
        source: Callable[[int], EnvironmentProfile],
        *,
        seats: int = 2,
        characters: Characters | None = None,
        action_order: ActionOrder = "round-robin",
        max_turns: int = 20,
        max_stale_turns: int | None = None,
        action_types: Sequence[ActionType] = ACTION_TYPES,
        visibility: Visibility = "private",
        terminators: Sequence[Terminator] = (),
        render_mode: str | None = None,
        seed: int | None = None,
    ) -> None:
        _check_limit("max_turns", max_turns, 1)
        if max_stale_turns is not None:
            _check_limit("max_stale_turns", max_stale_turns, 0)
        if render_mode is not None:
            one_of(self.metadata["render_modes"], render_mode, "render_mode")
        if characters is not None and len(characters) != seats:
            raise ConfigurationError(f"{len(characters)} characters for {seats} seats")
        self._source, self._characters = source, characters
        self._order = one_of(ACTION_ORDERS, action_order, "action_order")
        self._visibility = one_of(VISIBILITIES, visibility, "visibility")
        allowed = {one_of(ACTION_TYPES, kind, "action type") for kind in (*action_types, UNSEEN)}
        self._allowed = tuple(kind for kind in ACTION_TYPES if kind in allowed)
        for rule in terminators:
            if not hasattr(rule, "evaluate"):
                raise ConfigurationError(f"a terminator is an Evaluator, got {rule!r:.80}")
        self._terminators = tuple(terminators)
        self._max_turns, self._max_stale = max_turns, max_stale_turns
        self.render_mode = render_mode
        self.possible_agents = [f"agent_{i}" for i in range(seats)]
        self.agents: list[str] = []
        self._seat = {name: i for i, name in enumerate(self.possible_agents)}
        self._keys = tuple(self.possible_agents)
        self._observation_spaces = {a: ObservationSpace(max_turns) for a in self.possible_agents}
        self._action_spaces = {a: ActionSpace(seats) for a in self.possible_agents}
        _check_seed(seed)
        self._seed = seed
        self._generator: np.random.Generator | None = np_random(seed)[0]
        self._drawn: EnvironmentProfile | None = None
        self._scene: Scene | None = None
        self._seat_by_name: dict[str, str] = {}
        self._transcript: Transcript | None = None
        self.final_rewards: dict[str, float] = {}
        self.invalid_moves: list[int] = []
        self._previous = -1
        self._spoke = [-1] * seats
        """Turn in which each seat last had the floor."""
        self.turn_order: tuple[str, ...] = ()
        """Seats that may act now."""
        self._types = self._allowed
        """What they may choose."""
        self._present: list[int] = []
        self._orders: dict[int, tuple[str, ...]] = {}
        """Who is on turn after which seat, while nobody comes or goes."""
        self._zeros: dict[str, float] = {}
        self._falses: dict[str, bool] = {}
        """For each seat present; a dict is copied in a third of the time it takes to make one."""

    # -- the PettingZoo contract ---------------------------------------------------------------

    def observation_space(self, agent: str) -> ObservationSpace:
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> ActionSpace:
        return self._action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, Info]]:
        """Start an episode; the seed fixes the scenario instance and all chance in it.

        Without a seed the environment's own generator, seeded once, supplies the next. There are no
        `options`.
        """
        _check_seed(seed)
        if seed is not None:
            self._seed, self._generator = seed, None
        else:
            seed = int(self._rng.integers(2**31))
        scene = self._set(self._source(seed))
        game, state = scene.game, None
        if scene.is_phased:
            state = game.begin(scene.params, self._rng if game.has_chance else None, self._order)
        elif game is not None:
            state = game.start(scene.params, self._rng if game.has_chance else None)
        self._transcript = transcript = Transcript(
            scene.profile,
            dict(zip(self._keys, scene.names, strict=True)),
            game=game,
            game_state=state,
            characters=scene.characters,
        )
        self._previous, self._spoke = -1, [-1] * len(self._keys)
        self._seat_those(list(range(len(self._keys))))
        self._types = self._allowed
        self.turn_order = self._next(transcript, scene)
        news = self._announce(transcript, scene, -1)
        self.agents = list(self._keys)
        self.final_rewards = dict.fromkeys(self._keys, 0.0)
        self.invalid_moves = [0] * len(self._keys)
        observations, infos = perceived(
            transcript, self._keys, (), news, self.turn_order, self._types
        )
        for seat, (key, observation) in enumerate(observations.items()):
            text, new = scene.introductions[seat], observation["text"]
            observation["text"] = f"{text}\n{new}" if new else text
            infos[key]["name"], infos[key]["goal"] = scene.names[seat], scene.goals[seat]
        return observations, infos

    def step(self, actions: Mapping[str, ActionLike]) -> StepResult:
        """One turn. Rewards are 0 here; see `rewards.py`.

        Raises:
            ActionError: for a seat that is unknown, has left, or is on turn and missing, for a
                value that is no action, and when the episode is over or was never started. What a
                policy *says* never raises: it is recorded, and answered by a line in its next
                observation.
        """
        live, on_turn = self.agents, self.turn_order
        if not live:
            raise ActionError("the episode is over (or not started): call reset()")
        read: dict[str, AgentAction | UnreadableAction] = {}
        for key, value in actions.items():
            if key not in live:
                raise ActionError(f"no action expected of {key!r}; seats now: {', '.join(live)}")
            read[key] = as_action(value, self._keys)
        for key in on_turn:
            if key not in read:
                raise ActionError(f"{key} is on turn and has no action")
        transcript, scene = self.transcript, self._scene
        assert scene is not None
        rewards = self._zeros.copy()
        said = self._play(transcript, scene, on_turn, read)
        transcript.turn += 1
        terminations, truncations = self._advance(transcript, scene, live, said)
        news = self._announce(transcript, scene, transcript.turn - 1) if scene.is_phased else ()
        observations, infos = perceived(transcript, live, said, news, self.turn_order, self._types)
        if len(read) > len(on_turn):
            for key in self._off_turn(read, on_turn):
                infos[key]["off_turn"] = True
        return observations, rewards, terminations, truncations, infos

    def render(self) -> str | None:
        """The conversation so far as text (`ansi`), or printed (`human`)."""
        text = conversation(self.transcript)
        if self.render_mode == "human":
            print(text)  # noqa: T201  # what render_mode="human" is for
            return None
        return text

    def close(self) -> None:
        """Nothing is held open."""

    # -- beyond the contract --------------------------------------------------------------------

    @property
    def transcript(self) -> Transcript:
        """All that happened since the last reset.

        Raises:
            ActionError: before the first one.
        """
        if self._transcript is None:
            raise ActionError("nothing has been played yet: call reset()")
        return self._transcript

    @property
    def turn(self) -> int:
        """Turns played so far."""
        return self.transcript.turn

    @property
    def scene(self) -> Scene:
        """The scenario as it was set for its seats: names, facts and their owners, rules.

        Raises:
            ActionError: before the first reset.
        """
        if self._scene is None:
            raise ActionError("nothing has been played yet: call reset()")
        return self._scene

    @property
    def visibility(self) -> Visibility:
        """What the seats are told at the start."""
        return self._visibility

    def solution(self) -> Solution | None:
        """Reference points of the game being played, from everybody's true values."""
        game = self.transcript.game
        if game is None:
            return None
        found: Solution | None = game.solution(self.transcript.game_state.params)
        return found

    def sample_move(self, agent: str, rng: np.random.Generator) -> str:
        """A random legal move of `agent`, as text; in an open scenario, a greeting."""
        game = self.transcript.game
        if game is None:
            return "Hello."
        move = game.sample_move(self.transcript.game_state, self._seat[agent], rng)
        return "I have nothing to add." if move is None else str(game.render(move))

    def history(self, agent: str) -> str:
        """Everything `agent` has been shown and has done, from the start."""
        scene = self._set(self.transcript.profile)
        return history(self.transcript, agent, scene.introductions[self._seat[agent]])

    def snapshot(self) -> Snapshot:
        """The present position. `restore` brings it back exactly, random generator included."""
        transcript = self.transcript
        return Snapshot(
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
            types=self._types,
            agents=tuple(self.agents),
            rewards=tuple(self.final_rewards.items()),
            invalid=tuple(self.invalid_moves),
            rng_state=copy.deepcopy(self._rng.bit_generator.state),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back (or over) to a position taken from an environment with the same settings."""
        if not isinstance(snapshot, Snapshot):
            raise ActionError(f"restore takes what snapshot() gave, got {type(snapshot).__name__}")
        scene = self._set(snapshot.profile)
        self._transcript = Transcript(
            profile=snapshot.profile,
            names=dict(zip(self._keys, scene.names, strict=True)),
            turns=list(snapshot.turns),
            announcements=list(snapshot.announcements),
            turn=snapshot.turn,
            silent_turns=snapshot.silent_turns,
            outcome=snapshot.outcome,
            ending=snapshot.ending,
            left=snapshot.left,
            characters=scene.characters,
            game=scene.game,
            game_state=snapshot.game_state,
        )
        self._previous, self._spoke = snapshot.previous, list(snapshot.spoke)
        self.turn_order, self._types = snapshot.turn_order, snapshot.types
        self.agents = list(snapshot.agents)
        self._seat_those([self._seat[key] for key in self.agents])
        self.final_rewards = dict(snapshot.rewards)
        self.invalid_moves = list(snapshot.invalid)
        self._rng.bit_generator.state = copy.deepcopy(snapshot.rng_state)

    @property
    def _rng(self) -> np.random.Generator:
        """Made when first needed: seeding it costs as much as a turn of a game."""
        if self._generator is None:
            self._generator, _ = np_random(self._seed)
        return self._generator

    # -- one turn -------------------------------------------------------------------------------

    def _set(self, profile: EnvironmentProfile) -> Scene:
        """Set the scene; one played again stands already."""
        scene = self._scene
        if scene is not None and (self._drawn is profile or scene.profile is profile):
            return scene
        self._drawn = profile
        self._scene = scene = scene_of(profile, len(self._keys), self._characters, self._visibility)
        self._seat_by_name = dict(zip(self._keys, self._keys, strict=True))
        self._seat_by_name.update(zip(scene.names, self._keys, strict=True))
        if self._visibility == "omniscient":
            _LOG.info("every seat is told everything (visibility=omniscient)")
        return scene

    def _seat_those(self, seats: list[int]) -> None:
        if seats != self._present:
            self._present, self._orders = seats, {}
            keys = [self._keys[seat] for seat in seats]
            self._zeros, self._falses = dict.fromkeys(keys, 0.0), dict.fromkeys(keys, False)

    def _next(self, transcript: Transcript, scene: Scene) -> tuple[str, ...]:
        """Keys of the seats on turn now."""
        if scene.is_phased:
            game, state = scene.game, transcript.game_state
            possible = game.action_types(state)
            self._types = tuple(kind for kind in self._allowed if kind in possible)
            acting = game.acting(state)
            return tuple(self._keys[seat] for seat in acting if seat in self._present)
        order, present = self._order, self._present
        if order == "random":
            return (self._keys[present[int(self._rng.integers(len(present)))]],)
        previous = self._previous if order == "round-robin" else -1
        if previous not in self._orders:
            seats = next_seat(previous, present) if order == "round-robin" else present
            self._orders[previous] = tuple(self._keys[seat] for seat in seats)
        return self._orders[previous]

    def _play(
        self,
        transcript: Transcript,
        scene: Scene,
        on_turn: tuple[str, ...],
        read: Mapping[str, AgentAction | UnreadableAction],
    ) -> list[Turn]:
        """Take down what the seats on turn did, and apply the formal moves in it."""
        game, state, number = scene.game, transcript.game_state, transcript.turn
        types, is_plain, is_silent = self._types, not scene.is_phased, True
        waiting: Collection[str] = ()
        if self._order == "agent-chosen" and is_plain:
            waiting = self._waiting({key: possible(read[key], types) for key in on_turn})
        said: list[Turn] = []
        moves: dict[int, Any] = {}
        for key in on_turn:
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
                action, audience, found = deed(
                    action, key, scene, state, self._seat_by_name, names, self.agents
                )
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
        transcript.silent_turns = transcript.silent_turns + 1 if is_silent else 0
        if game is not None:
            transcript.game_state = game.apply(state, moves)
        return said

    def _waiting(self, chosen: Mapping[str, AgentAction | Invalid]) -> set[str]:
        """Seats that raised a hand in vain. Whoever leaves needs no floor."""
        hands = [
            self._seat[key]
            for key, action in chosen.items()
            if isinstance(action, AgentAction) and action.action_type not in (UNSEEN, "leave")
        ]
        floor = given_the_floor(hands, self._spoke, self._rng) if hands else None
        if floor is not None:
            self._spoke[floor] = self.transcript.turn
        return {self._keys[seat] for seat in hands if seat != floor}

    def _off_turn(
        self, read: Mapping[str, AgentAction | UnreadableAction], on_turn: tuple[str, ...]
    ) -> list[str]:
        """Seats that tried to act out of turn."""
        return [
            key
            for key, action in read.items()
            if key not in on_turn
            and (isinstance(action, UnreadableAction) or action.action_type != UNSEEN)
        ]

    def _announce(
        self, transcript: Transcript, scene: Scene, number: int
    ) -> tuple[Announcement, ...]:
        """Take down what a game in phases announces after turn `number`."""
        if not scene.is_phased:
            return ()
        news = tuple(
            Announcement(
                number,
                item.text,
                None if item.audience is None else tuple(self._keys[s] for s in item.audience),
            )
            for item in scene.game.news(transcript.game_state)
        )
        transcript.announcements += news
        return news

    def _advance(
        self, transcript: Transcript, scene: Scene, live: list[str], said: Sequence[Turn]
    ) -> tuple[dict[str, bool], dict[str, bool]]:
        """Decide what has ended and who is next; terminations and truncations of `live` seats."""
        terminations, truncations = self._falses.copy(), self._falses.copy()
        leavers = [t.seat for t in said if t.action.action_type == "leave"]
        remaining = live
        if leavers:
            transcript.left = (*transcript.left, *leavers)
            remaining = [key for key in live if key not in leavers]
            self._seat_those([self._seat[key] for key in remaining])
            if scene.is_phased:
                gone = [self._seat[key] for key in leavers]
                transcript.game_state = scene.game.depart(transcript.game_state, gone)
        ruling, reason = (None, "") if scene.game is None else _ruling(transcript, scene)
        for rule in self._terminators:
            reason += rule.evaluate(transcript).terminated or ""
        outcome: Outcome | None = None
        if (
            ruling is not None
            or reason
            or transcript.turn >= self._max_turns
            or len(remaining) < FEWEST_SEATS
            or transcript.silent_turns
        ):
            outcome, transcript.ending = ending(
                ruling,
                present=len(remaining),
                silent_turns=transcript.silent_turns,
                max_stale_turns=self._max_stale,
                reason=reason,
                turn=transcript.turn,
                max_turns=self._max_turns,
            )
        if outcome is None:
            self._previous = self._seat[said[-1].seat]
            self.agents, self.turn_order = remaining, self._next(transcript, scene)
            if not leavers:
                return terminations, truncations
            ended = leavers
        else:
            transcript.outcome = outcome
            self.agents, self.turn_order = [], ()
            ended = leavers if outcome == "turn limit" else live
        for key in ended:
            terminations[key] = True
        if outcome == "turn limit":
            for key in remaining:
                truncations[key] = True
        return terminations, truncations


def _ruling(transcript: Transcript, scene: Scene) -> tuple[Ruling | None, str]:
    """What the rules make of the position, and how a game in phases puts it."""
    game, state = scene.game, transcript.game_state
    if scene.is_phased:
        return ("over", game.verdict(state)) if game.is_over(state) else (None, "")
    if game.is_agreed(state):
        return "agreement", ""
    return ("no agreement", "") if game.is_over(state) else (None, "")


def _check_limit(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} must be a whole number from {least}, got {value!r}")


def _check_seed(seed: object) -> None:
    if seed is not None and (not isinstance(seed, int | np.integer) or seed < 0):
        raise ConfigurationError(f"a seed is a whole number from 0, got {seed!r}")
