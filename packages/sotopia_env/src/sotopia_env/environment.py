"""The environment: a PettingZoo `ParallelEnv` in which agents pursue private goals in words.

Pure and seeded: it calls no model and no network, and a turn costs the same at any length of the
conversation. Rewards are added by the wrappers of `rewards.py`.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from gymnasium.utils.seeding import np_random
from pettingzoo import ParallelEnv

from .actions import NO_ACTION, ActionLike, AgentAction, UnreadableAction, as_action
from .episode import Outcome, Transcript, Turn
from .errors import ActionError, ConfigurationError, one_of
from .games.protocol import Solution
from .moves import Invalid
from .perception import UNSEEN, Info, Observation, conversation, history, info_of, perceived
from .profiles import AgentProfile, EnvironmentProfile
from .scene import Scene, scene_of
from .spaces import ActionSpace, ObservationSpace
from .termination import ending
from .turns import ACTION_ORDERS, ActionOrder, seats_on_turn

_SPOKEN: Final = ("speak", "action")

StepResult: TypeAlias = tuple[
    dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]
]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A position of an environment, to return to. Holds references; taking one copies no text."""

    profile: EnvironmentProfile
    turns: tuple[Turn, ...]
    outcome: Outcome | None
    left: tuple[str, ...]
    game_state: Any
    turn: int
    previous: int
    turn_order: tuple[str, ...]
    agents: tuple[str, ...]
    rewards: tuple[tuple[str, float], ...]
    invalid: tuple[int, ...]
    rng_state: Mapping[str, Any]


class SotopiaEnv(ParallelEnv[str, Observation, ActionLike]):
    """A conversation of n seats in one scenario; without a reward wrapper all rewards are 0.

    Args:
        source: gives the scenario of an episode, from the seed of `reset` (`None`: draw one).
        characters: who sits where; by default the scenario's own names.
        action_order: `round-robin` or `simultaneous`.
        max_turns: turns, of any seat, after which the episode is truncated.
        render_mode: `ansi` gives `render()` as text.

    Seats are `agent_0`, `agent_1`, ... in every dict. Masks are in `infos[seat]["action_mask"]`.
    A seat that is not on turn may only do `none`; anything else of it is turned into `none` and
    flagged by `infos[seat]["off_turn"]`.
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
        characters: Sequence[AgentProfile] | None = None,
        action_order: ActionOrder = "round-robin",
        max_turns: int = 20,
        render_mode: str | None = None,
        seed: int | None = None,
    ) -> None:
        if not isinstance(max_turns, int) or max_turns < 1:
            raise ConfigurationError(f"max_turns must be a whole number from 1, got {max_turns!r}")
        if render_mode is not None:
            one_of(self.metadata["render_modes"], render_mode, "render_mode")
        if characters is not None and len(characters) != seats:
            raise ConfigurationError(f"{len(characters)} characters for {seats} seats")
        self._source, self._characters = source, characters
        self._order = one_of(ACTION_ORDERS, action_order, "action_order")
        self._max_turns = max_turns
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
        self._scene: Scene | None = None
        self._transcript: Transcript | None = None
        self.final_rewards: dict[str, float] = {}
        self.invalid_moves: list[int] = []
        self._turn, self._previous = 0, -1
        self.turn_order: tuple[str, ...] = ()
        """Seats that may act now."""
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

        Without a seed the environment's own generator, seeded once, supplies the next.
        """
        _check_seed(seed)
        if seed is not None:
            self._seed, self._generator = seed, None
        else:
            seed = int(self._rng.integers(2**31))
        scene = self._set(self._source(seed))
        names, game = dict(zip(self._keys, scene.names, strict=True)), scene.game
        state = None
        if game is not None:
            state = game.start(scene.params, self._rng if game.has_chance else None)
        self._transcript = Transcript(scene.profile, names, game=game, game_state=state)
        self._turn, self._previous = 0, -1
        self._seat_those(list(range(len(self._keys))))
        self.turn_order = self._next(-1)
        self.agents = list(self._keys)
        self.final_rewards = dict.fromkeys(self._keys, 0.0)
        self.invalid_moves = [0] * len(self._keys)
        observations: dict[str, Observation] = {}
        infos: dict[str, Info] = {}
        for seat, key in enumerate(self._keys):
            observations[key] = {"text": scene.introductions[seat], "turn": 0}
            infos[key] = info_of(self.transcript, seat, (), may_act=key in self.turn_order)
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
        transcript = self.transcript
        rewards = self._zeros.copy()
        said = self._play(transcript, on_turn, read)
        self._turn += 1
        terminations, truncations = self._advance(transcript, live, said)
        observations, infos = perceived(transcript, live, said, self._turn, self.turn_order)
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
        return self._turn

    def solution(self) -> Solution | None:
        """Reference points of the game being played, from everybody's true values."""
        game = self.transcript.game
        if game is None:
            return None
        found: Solution = game.solution(self.transcript.game_state.params)
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
        return Snapshot(
            profile=self.transcript.profile,
            turns=tuple(self.transcript.turns),
            outcome=self.transcript.outcome,
            left=self.transcript.left,
            game_state=self.transcript.game_state,
            turn=self._turn,
            previous=self._previous,
            turn_order=self.turn_order,
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
            outcome=snapshot.outcome,
            left=snapshot.left,
            game=scene.game,
            game_state=snapshot.game_state,
        )
        self._turn, self._previous = snapshot.turn, snapshot.previous
        self.turn_order = snapshot.turn_order
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
        if self._scene is None or self._scene.profile is not profile:
            self._scene = scene_of(profile, len(self._keys), self._characters)
        return self._scene

    def _seat_those(self, seats: list[int]) -> None:
        if seats != self._present:
            self._present, self._orders = seats, {}
            keys = [self._keys[seat] for seat in seats]
            self._zeros, self._falses = dict.fromkeys(keys, 0.0), dict.fromkeys(keys, False)

    def _next(self, previous: int) -> tuple[str, ...]:
        """Keys of the seats on turn after seat `previous`."""
        if previous not in self._orders:
            seats = seats_on_turn(self._order, previous, self._present)
            self._orders[previous] = tuple(self._keys[seat] for seat in seats)
        return self._orders[previous]

    def _play(
        self,
        transcript: Transcript,
        on_turn: tuple[str, ...],
        read: Mapping[str, AgentAction | UnreadableAction],
    ) -> list[Turn]:
        """Take down what the seats on turn did, and apply the formal moves in it."""
        game, state = transcript.game, transcript.game_state
        said: list[Turn] = []
        moves: dict[int, Any] = {}
        for key in on_turn:
            action, seat = read[key], self._seat[key]
            move = invalid = None
            if isinstance(action, UnreadableAction):
                invalid, action = action.reason, NO_ACTION
            elif action.to and (unknown := self._stranger(action.to)):
                invalid, action = f"unknown recipient {unknown}", NO_ACTION
            elif game is not None and action.action_type in _SPOKEN:
                found = game.parse(action.argument, state, seat)
                if found is not None and (action.to or action.action_type == "action"):
                    found = self._counted(found, action, key)
                if isinstance(found, Invalid):
                    invalid = found.reason
                elif found is not None:
                    moves[seat] = found
                    move = game.render(found)
            if invalid is not None:
                self.invalid_moves[seat] += 1
            said.append(Turn(self._turn, key, action, move, invalid))
        transcript.turns += said
        if game is not None:
            transcript.game_state = game.apply(state, moves)
        return said

    def _stranger(self, to: tuple[str, ...]) -> str | None:
        known = {*self.transcript.names.values(), *self._keys}
        return next((f"{name!r:.40}" for name in to if name not in known), None)

    def _counted(self, move: Any, action: AgentAction, key: str) -> Any:
        """The move, or why it does not count in this kind of action."""
        if action.action_type == "action" and not self._is_whole_move(action.argument):
            return Invalid("a move must be the whole argument of an action")
        names, to = self.transcript.names, action.to
        if to and not all(k in to or names[k] in to for k in self.agents if k != key):
            return Invalid("a move must be said to everybody")
        return move

    def _is_whole_move(self, argument: str) -> bool:
        return bool(self.transcript.game.grammar.is_whole(argument))

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

    def _advance(
        self, transcript: Transcript, live: list[str], said: Sequence[Turn]
    ) -> tuple[dict[str, bool], dict[str, bool]]:
        """Decide what has ended and who is next; terminations and truncations of `live` seats."""
        game, state = transcript.game, transcript.game_state
        terminations, truncations = self._falses.copy(), self._falses.copy()
        leavers = [t.seat for t in said if t.action.action_type == "leave"]
        remaining = live
        if leavers:
            transcript.left = (*transcript.left, *leavers)
            remaining = [key for key in live if key not in leavers]
            self._seat_those([self._seat[key] for key in remaining])
        transcript.outcome = outcome = ending(
            is_agreed=game is not None and game.is_agreed(state),
            is_over=game is not None and game.is_over(state),
            present=len(remaining),
            turn=self._turn,
            max_turns=self._max_turns,
        )
        if outcome is None:
            self._previous = self._seat[said[-1].seat]
            self.agents, self.turn_order = remaining, self._next(self._previous)
            ended = leavers
        else:
            self.agents, self.turn_order = [], ()
            ended = leavers if outcome == "turn limit" else live
        for key in ended:
            terminations[key] = True
        if outcome == "turn limit":
            for key in remaining:
                truncations[key] = True
        return terminations, truncations


def _check_seed(seed: object) -> None:
    if seed is not None and (not isinstance(seed, int | np.integer) or seed < 0):
        raise ConfigurationError(f"a seed is a whole number from 0, got {seed!r}")
