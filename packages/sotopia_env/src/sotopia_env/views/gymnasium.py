"""The single-agent view: one seat of an episode as a Gymnasium environment, partners inside.

`gymnasium.make("sotopia/price_negotiation-v0", partner="scripted:boulware", seat=0)` after
`import sotopia_env`.
"""

import asyncio
import math
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import gymnasium

from ..actions import ActionLike
from ..agents import Agent, AgentFactory, agent_factory
from ..errors import ActionError, ConfigurationError, Unscored
from ..perception import keep_unread
from ..waiting import run_at_once, wait_for

T = TypeVar("T")

_SEEDS = 2**31


class SingleAgentView(gymnasium.Env[dict[str, Any], ActionLike]):
    """One learner among partners. A step lasts until the learner is on turn again, or all is over.

    The observation is everything new since the learner's last action, as in the AEC view, and
    `info` what stands beside it, `partner_invalid_moves` (by seat, so far) among it. The reward is
    what the learner got on the way; if it leaves while others go on, they play to the end inside
    its last step, and it gets what is due to it then.

    Args:
        env: a parallel environment, with the rewards it is to have.
        partner: spec of every other seat, or one spec for each of them in their order; an
            `AgentFactory` does too.
        seat: of the learner.

    Raises:
        ConfigurationError: for a seat or partner that cannot be.
        Unscored: from `step`, when the episode has no reward because its judge failed.
        SotopiaError: from `step`, when a partner failed; the episode is then over.
    """

    metadata = {"render_modes": ["ansi", "human"], "render_fps": 1}  # noqa: RUF012  # as declared

    def __init__(
        self,
        env: Any,
        *,
        partner: str | AgentFactory | Sequence[str | AgentFactory],
        seat: int = 0,
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
        self._factories = {
            name: agent_factory(one) if isinstance(one, str) else one
            for name, one in zip(others, given, strict=True)
        }
        self._partners: dict[str, Agent] = {}
        self.observation_space = env.observation_space(self.seat)
        self.action_space = env.action_space(self.seat)
        self._unread: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._paid = 0.0

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        return self._run(self.start_async(self.next_seed() if seed is None else seed, options))

    def step(self, action: ActionLike) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        return self._run(self.step_async(action))

    def render(self) -> Any:
        return self.env.render()

    def close(self) -> None:
        self.env.close()

    # -- the turns between two of the learner's ---------------------------------------------------

    def next_seed(self) -> int:
        """Of an episode that is given none."""
        return int(self.np_random.integers(_SEEDS))

    def waits(self) -> bool:
        """Whether a turn may wait for a model or a person."""
        return getattr(self.env, "is_async", False) or not all(
            getattr(partner, "never_waits", False) for partner in self._partners.values()
        )

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Partners that never wait are run on the spot, at no cost but the turns themselves."""
        return wait_for(work) if self.waits() else run_at_once(work)

    async def start_async(
        self, seed: int, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """`reset` with the seed of an episode, awaiting the partners."""
        observations, infos = self.env.reset(seed=seed, options=options)
        self._partners = {name: factory(name, seed) for name, factory in self._factories.items()}
        self._unread = {name: (observations[name], infos[name]) for name in observations}
        self._paid = 0.0
        await self._others_play()
        return self._shown()

    async def step_async(
        self, action: ActionLike
    ) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """`step`, awaiting the partners."""
        if self.seat not in self.env.agents:
            raise ActionError("the episode is over (or not started): call reset()")
        terminated, truncated = await self._turn({self.seat: action})
        others_ended, others_cut = await self._others_play()
        due = self.env.final_rewards[self.seat]
        reward, self._paid = due - self._paid, due
        observation, info = self._shown()
        if math.isnan(reward):
            raise Unscored(f"the episode has no reward: {info.get('unscored', 'no reason given')}")
        ended, cut = terminated or others_ended, truncated or others_cut
        return observation, float(reward), ended, cut, info

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
        thoughts = [self._partners[seat].act(*self._unread[seat]) for seat in order]
        if len(thoughts) > 1 and self.waits():
            actions.update(zip(order, await asyncio.gather(*thoughts), strict=True))
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

    def _shown(self) -> tuple[dict[str, Any], dict[str, Any]]:
        observation, info = self._unread[self.seat]
        counts = self.env.invalid_moves
        info["partner_invalid_moves"] = {
            name: counts[index]
            for index, name in enumerate(self.env.possible_agents)
            if name != self.seat
        }
        return observation, info
