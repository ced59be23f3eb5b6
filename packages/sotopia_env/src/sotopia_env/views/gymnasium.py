"""The single-agent view: one seat of an episode as a Gymnasium environment, partners inside.

`gymnasium.make("sotopia/price_negotiation-v0", partner="scripted:boulware", seat=0)` after
`import sotopia_env`.
"""

import math
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import gymnasium
import numpy as np

from ..actions import ActionLike, as_action
from ..agents import Agent, AgentFactory, agent_factory
from ..errors import ActionError, ConfigurationError, Unscored
from ..perception import keep_unread
from ..waiting import all_of, close_now, run_at_once, wait_for

T = TypeVar("T")

_SEEDS = 2**31

Result: TypeAlias = tuple[dict[str, Any], float, bool, bool, dict[str, Any]]
"""Observation, reward, terminated, truncated, info."""


class SingleAgentView(gymnasium.Env[dict[str, Any], ActionLike]):
    """One learner among partners. A step lasts until the learner is on turn again, or all is over.

    The observation is everything new since the learner's last action, as in the AEC view, and
    `info` what stands beside it. The reward is what the learner got on the way; if it leaves while
    others go on, they play to the end inside its last step, and it gets what is due to it then.

    Args:
        env: a parallel environment, with the rewards it is to have.
        partner: spec of every other seat, or one spec for each of them in their order; an
            `AgentFactory` does too.
        seat: of the learner.
        seed: of the generator that supplies seeds to `reset` without one.

    Raises:
        ConfigurationError: for a seat or partner that cannot be.
    """

    metadata = {"render_modes": ["ansi", "human"], "render_fps": 1}  # noqa: RUF012  # as declared

    def __init__(
        self,
        env: Any,
        *,
        partner: str | AgentFactory | Sequence[str | AgentFactory],
        seat: int = 0,
        seed: int | None = None,
    ) -> None:
        seats: list[str] = env.possible_agents
        if not 0 <= seat < len(seats):
            raise ConfigurationError(f"seat must lie in 0..{len(seats) - 1}, got {seat}")
        self.env, self.seat, self.render_mode = env, seats[seat], env.render_mode
        others = [name for name in seats if name != self.seat]
        given = (
            [partner] * len(others) if callable(partner) or isinstance(partner, str) else partner
        )
        if len(given) != len(others):
            raise ConfigurationError(f"{len(given)} partners for {len(others)} other seats")
        made = {spec: agent_factory(spec) for spec in given if isinstance(spec, str)}
        self._own_factories = tuple(made.values())
        self._factories: dict[str, AgentFactory] = {
            name: made[one] if isinstance(one, str) else one
            for name, one in zip(others, given, strict=True)
        }
        self._partners: dict[str, Agent] = {}
        self._keys = tuple(seats)
        self.observation_space = env.observation_space(self.seat)
        self.action_space = env.action_space(self.seat)
        self._unread: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._paid = 0.0
        self._is_on_turn = False
        self._over = False, False
        """Whether the episode terminated, or was truncated, before the learner's first turn."""
        if seed is not None:
            self._reseed(seed)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode, up to the learner's first turn; returns observation and info.

        An episode may end before that (somebody else leaves, the learner is the first victim). The
        step after takes no action then, and gives its end and the reward.

        Raises:
            SotopiaError: when a partner failed on the way; there is no episode then.
        """
        self.begin(seed, options)
        return self._run(self.opened())

    def step(self, action: ActionLike) -> Result:
        """The learner's move, and the turns of the others up to its next.

        Returns observation, reward, terminated, truncated and info.

        Raises:
            ActionError: for a value that is no action, which may be given again, and when the
                episode is over.
            Unscored: when the episode has no reward because its judge failed. The message is for
                whoever runs the episode: it repeats the words of the judge, which may tell of
                other seats' secrets and are in no info.
            SotopiaError: when a partner failed; the episode is then over.
        """
        return self._run(self.step_async(action))

    def render(self) -> Any:
        """As the environment within."""
        return self.env.render()

    def close(self) -> None:
        """Close the environment within, and the partners that were made from specs."""
        self.env.close()
        for factory in self._own_factories:
            close_now(factory)

    # -- the turns between two of the learner's ---------------------------------------------------

    def waits(self) -> bool:
        """Whether a turn may wait for a model or a person; known once an episode has begun."""
        return getattr(self.env, "is_async", False) or not all(
            getattr(partner, "never_waits", False) for partner in self._partners.values()
        )

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Partners that never wait are run on the spot, at no cost but the turns themselves."""
        return wait_for(work) if self.waits() else run_at_once(work)

    def begin(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Start an episode at its very first turn, whoever has it; `opened` goes on from there."""
        self._is_on_turn = False
        if seed is not None:
            self._reseed(seed)
        drawn = int(self.np_random.integers(_SEEDS)) if seed is None else seed
        observations, infos = self.env.reset(seed=drawn, options=options)
        self._partners = {name: factory(name, drawn) for name, factory in self._factories.items()}
        self._unread = {name: (observations[name], infos[name]) for name in observations}
        self._paid = 0.0

    def _reseed(self, seed: int) -> None:
        super().reset(seed=int(seed) if isinstance(seed, np.integer) else seed)

    async def opened(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The turns before the learner's first; gives what `reset` returns."""
        self._over = await self._others_play()
        self._is_on_turn = True
        return self.shown()

    async def step_async(self, action: ActionLike) -> Result:
        """`step`, awaiting the partners."""
        as_action(action, self._keys)  # a wrong kind is answered before a partner has thought
        result = await self.play(action)
        if math.isnan(result[1]):
            raise Unscored(f"the episode has no reward: {self._unscored(result[-1])}")
        return result

    async def play(self, action: ActionLike) -> Result:
        """`step_async` for an action that is one; without a score the reward is NaN.

        `info["unscored"]` then says why.
        """
        if not self._is_on_turn:
            raise ActionError("the episode is over (or not started): call reset()")
        self._is_on_turn = False  # until it is again; what fails on the way ends the episode
        terminated, truncated = self._over
        if self.env.agents:  # else it ended before the learner's first turn
            terminated, truncated = await self._turn({self.seat: action})
        others_ended, others_cut = await self._others_play()
        self._is_on_turn = bool(self.env.agents)
        due = self.env.final_rewards[self.seat]
        reward, self._paid = float(due - self._paid), due
        observation, info = self.shown()
        if math.isnan(reward):
            info.setdefault("unscored", "no reason given")
        return observation, reward, terminated or others_ended, truncated or others_cut, info

    def _unscored(self, info: Mapping[str, Any]) -> str:
        """Why there is no score, in the words of those who gave none."""
        told = [e.unscored for e in getattr(self.env, "evaluations", ()) if e.unscored]
        return "; ".join(told) or info.get("unscored", "no reason given")

    async def _others_play(self) -> tuple[bool, bool]:
        """Turns in which the learner is not asked; whether it ended in them, and was cut off."""
        terminated, truncated = False, False
        while self.env.agents and self.seat not in self.env.turn_order:
            ended, cut = await self._turn({})
            terminated, truncated = terminated or ended, truncated or cut
        return terminated, truncated

    async def _turn(self, actions: dict[str, ActionLike]) -> tuple[bool, bool]:
        """One step of the environment, the partners on turn acting beside the learner."""
        order = [seat for seat in self.env.turn_order if seat != self.seat]
        thoughts = (self._partners[seat].act(*self._unread[seat]) for seat in order)
        if len(order) > 1 and self.waits():
            actions.update(zip(order, await all_of(thoughts), strict=True))
        else:
            for seat, thought in zip(order, thoughts, strict=True):
                actions[seat] = await thought
        is_async = getattr(self.env, "is_async", False)
        result = await self.env.step_async(actions) if is_async else self.env.step(actions)
        observations, _, terminations, truncations, infos = result
        for seat, observation in observations.items():
            if seat not in actions:
                keep_unread(*self._unread[seat], observation, infos[seat])
            self._unread[seat] = observation, infos[seat]
        return terminations.get(self.seat, False), truncations.get(self.seat, False)

    def shown(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The learner's latest observation and info."""
        return self._unread[self.seat]

    @property
    def partner_invalid_moves(self) -> dict[str, int]:
        """By seat, how many actions of the partners did not count so far.

        For whoever runs the episode: a count that rises at night would tell a policy who acts.
        """
        counts = zip(self.env.possible_agents, self.env.invalid_moves, strict=True)
        return {name: count for name, count in counts if name != self.seat}
