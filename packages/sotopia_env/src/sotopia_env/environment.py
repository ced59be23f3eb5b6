"""The environment: a PettingZoo `ParallelEnv` in which agents pursue private goals in words.

Pure and seeded: it calls no model and no network, and a turn costs the same at any length of the
conversation. Rewards are added by the wrappers of `rewards.py`.
"""

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from gymnasium.utils.seeding import np_random
from pettingzoo import ParallelEnv

from .actions import ACTION_TYPES, ActionLike, ActionType, AgentAction, UnreadableAction, as_action
from .course import Course, Position, TurnRules
from .episode import Evaluation, Transcript
from .errors import ActionError, ConfigurationError, one_of
from .games.protocol import Solution
from .perception import UNSEEN, Info, Observation, conversation, history, perceived
from .profiles import EnvironmentProfile
from .scene import Characters, Scene, scene_of
from .spaces import ActionSpace, ObservationSpace
from .termination import Terminator
from .turns import ACTION_ORDERS, ActionOrder
from .visibility import VISIBILITIES, Visibility

_LOG: Final = logging.getLogger(__name__)

StepResult: TypeAlias = tuple[
    dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]
]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An environment at one instant, to return to."""

    position: Position
    rewards: tuple[tuple[str, float], ...]
    rng_state: Mapping[str, Any]
    evaluations: tuple[Evaluation, ...] = ()
    """The latest of the reward wrappers it was taken through."""


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
    it becomes `none`, recorded as `masked` and flagged by `infos[seat]["off_turn"]`.

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
        if render_mode is not None:
            one_of(self.metadata["render_modes"], render_mode, "render_mode")
        if characters is not None and len(characters) != seats:
            raise ConfigurationError(f"{len(characters)} characters for {seats} seats")
        rules = _rules(action_order, max_turns, max_stale_turns, action_types, terminators)
        _check_seed(seed)
        self._source, self._characters = source, characters
        self._visibility = one_of(VISIBILITIES, visibility, "visibility")
        self.render_mode = render_mode
        self.possible_agents = [f"agent_{i}" for i in range(seats)]
        self.agents: list[str] = []
        self._seat = {name: i for i, name in enumerate(self.possible_agents)}
        self._keys = tuple(self.possible_agents)
        self._observation_spaces = {a: ObservationSpace(max_turns) for a in self.possible_agents}
        self._action_spaces = {a: ActionSpace(seats) for a in self.possible_agents}
        self._seed = seed
        self._generator: np.random.Generator | None = np_random(seed)[0]
        self._drawn: EnvironmentProfile | None = None
        self._scene: Scene | None = None
        self._course = Course(rules, self._keys, self._chance)
        self.final_rewards: dict[str, float] = {}
        """What each seat has got so far, those that have left included; wrappers add to it."""

    # -- the PettingZoo contract ---------------------------------------------------------------

    def observation_space(self, agent: str) -> ObservationSpace:
        """`{"text", "turn", "actions"}`; the same object every time."""
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> ActionSpace:
        """`{"action_type", "argument", "to"}`; the same object every time."""
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
            seed = int(self._chance().integers(2**31))
        scene, course = self._set(self._source(seed)), self._course
        news = course.begin(scene)
        self.agents = course.agents
        self.final_rewards = dict.fromkeys(self._keys, 0.0)
        observations, infos = perceived(
            course.transcript, self._keys, (), news, course.turn_order, course.types
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
                value that is no action, for `actions` that are no mapping, and when the episode is
                over or was never started. What a policy *says* never raises: it is recorded, and
                answered by a line in its next observation.
        """
        course, live = self._course, self.agents
        if not live:
            raise ActionError("the episode is over (or not started): call reset()")
        if not isinstance(actions, dict | Mapping):  # the abstract class alone is slow to answer
            raise ActionError(
                f"step takes a mapping of seats to actions, got {type(actions).__name__}"
            )
        on_turn = course.turn_order
        read: dict[str, AgentAction | UnreadableAction] = {}
        for key, value in actions.items():
            if key not in live:
                raise ActionError(f"no action expected of {key!r}; seats now: {', '.join(live)}")
            read[key] = as_action(value, self._keys)
        for key in on_turn:
            if key not in read:
                raise ActionError(f"{key} is on turn and has no action")
        said, news = course.play(read)
        self.agents = course.agents
        observations, infos = perceived(
            course.transcript, live, said, news, course.turn_order, course.types
        )
        for turn in said[len(on_turn) :]:
            infos[turn.seat]["off_turn"] = True
        rewards = dict.fromkeys(course.terminations, 0.0)
        return observations, rewards, course.terminations, course.truncations, infos

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
    def turn_order(self) -> tuple[str, ...]:
        """Seats that may act now."""
        return self._course.turn_order

    @property
    def invalid_moves(self) -> list[int]:
        """By seat, how many of its actions did not count so far."""
        return self._course.invalid_moves

    @property
    def transcript(self) -> Transcript:
        """All that happened since the last reset.

        Raises:
            ActionError: before the first one.
        """
        if self._scene is None:
            raise ActionError("nothing has been played yet: call reset()")
        return self._course.transcript

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
        """A random legal move of `agent`, as text; in an open scenario, a greeting.

        Raises:
            ActionError: for an unknown seat.
        """
        self._check_seat(agent)
        game = self.transcript.game
        if game is None:
            return "Hello."
        move = game.sample_move(self.transcript.game_state, self._seat[agent], rng)
        return "I have nothing to add." if move is None else str(game.render(move))

    def history(self, agent: str) -> str:
        """Everything `agent` has been shown and has done, from the start.

        Raises:
            ActionError: for an unknown seat.
        """
        self._check_seat(agent)
        scene = self._set(self.transcript.profile)
        return history(self.transcript, agent, scene.introductions[self._seat[agent]])

    def snapshot(self) -> Snapshot:
        """The present instant. `restore` brings it back exactly, random generator included.

        Raises:
            ActionError: before the first reset.
        """
        _ = self.transcript
        return Snapshot(
            position=self._course.position(),
            rewards=tuple(self.final_rewards.items()),
            rng_state=copy.deepcopy(self._chance().bit_generator.state),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back (or over) to an instant of an environment with the same settings.

        Raises:
            ActionError: for what is no snapshot.
        """
        if not isinstance(snapshot, Snapshot):
            raise ActionError(f"restore takes what snapshot() gave, got {type(snapshot).__name__}")
        position = snapshot.position
        self._course.go_to(position, self._set(position.profile))
        self.agents = self._course.agents
        self.final_rewards = dict(snapshot.rewards)
        self._chance().bit_generator.state = copy.deepcopy(snapshot.rng_state)

    def _check_seat(self, agent: str) -> None:
        if agent not in self._seat:
            raise ActionError(f"there is no seat {agent!r}; there are {', '.join(self._keys)}")

    def _chance(self) -> np.random.Generator:
        """The generator of all chance: made when first needed, for that costs as much as a turn."""
        if self._generator is None:
            self._generator, _ = np_random(self._seed)
        return self._generator

    def _set(self, profile: EnvironmentProfile) -> Scene:
        """Set the scene; one played again stands already."""
        scene = self._scene
        if scene is not None and (self._drawn is profile or scene.profile is profile):
            return scene
        scene = scene_of(profile, len(self._keys), self._characters, self._visibility)
        self._drawn, self._scene = profile, scene
        if self._visibility == "omniscient":
            _LOG.info("every seat is told everything (visibility=omniscient)")
        return scene


def _rules(
    action_order: ActionOrder,
    max_turns: int,
    max_stale_turns: int | None,
    action_types: Sequence[ActionType],
    terminators: Sequence[Terminator],
) -> TurnRules:
    """The rules of turns, checked."""
    _check_limit("max_turns", max_turns, 1)
    if max_stale_turns is not None:
        _check_limit("max_stale_turns", max_stale_turns, 0)
    allowed = {one_of(ACTION_TYPES, kind, "action type") for kind in (*action_types, UNSEEN)}
    for rule in terminators:
        if not hasattr(rule, "evaluate"):
            raise ConfigurationError(f"a terminator is an Evaluator, got {rule!r:.80}")
    return TurnRules(
        order=one_of(ACTION_ORDERS, action_order, "action_order"),
        max_turns=max_turns,
        max_stale_turns=max_stale_turns,
        types=tuple(kind for kind in ACTION_TYPES if kind in allowed),
        terminators=tuple(terminators),
    )


def _check_limit(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} must be a whole number from {least}, got {value!r}")


def _check_seed(seed: object) -> None:
    if seed is not None and (not isinstance(seed, int | np.integer) or seed < 0):
        raise ConfigurationError(f"a seed is a whole number from 0, got {seed!r}")
