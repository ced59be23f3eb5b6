"""The agent-environment-cycle view: one seat at a time, buffered over `Parallel.step`."""

from collections.abc import Mapping
from typing import Any

from pettingzoo import AECEnv

from ..actions import ActionLike, as_action
from ..errors import ActionError
from ..perception import keep_unread


class AECView(AECEnv[str, Any, Any]):
    """PettingZoo's AEC interface over a parallel environment, reward wrappers included.

    Seats act in the environment's order; actions of a simultaneous turn are held back until all
    have acted. An observation holds everything new since the seat's own last action.
    """

    def __init__(self, env: Any) -> None:
        self.env = env
        self.metadata = env.metadata
        self.render_mode = env.render_mode
        self.possible_agents = list(env.possible_agents)
        self._keys = tuple(env.possible_agents)
        self.agents: list[str] = []

    def observation_space(self, agent: str) -> Any:
        return self.env.observation_space(agent)

    def action_space(self, agent: str) -> Any:
        return self.env.action_space(agent)

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Start an episode, as the environment within does; what it shows is in `observe`."""
        self._new, self.infos = self.env.reset(seed=seed, options=options)
        self.agents = list(self.env.agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self._held: dict[str, ActionLike] = {}
        self.agent_selection = self.env.turn_order[0]

    def observe(self, agent: str) -> dict[str, Any]:
        """All that is new for `agent` since its own last action, the same object until then."""
        new: dict[str, Any] = self._new[agent]
        return new

    def step(self, action: ActionLike | None) -> None:
        """The move of `agent_selection`; its turn is played when all who are on turn have moved.

        What comes of it is in `observe` and `last`. An agent that has ended is stepped once more,
        with `None`. A judge that is a model is waited for.

        Raises:
            ActionError: for a value that is no action; the same agent may be given another.
            ValueError: for an action of an agent that has ended (PettingZoo's own).
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        if action is None:
            raise ActionError(
                f"{agent} is still in the episode, and None is no action; to do nothing is 'none', "
                "as in {'action_type': 'none'}"
            )
        order = self.env.turn_order
        if len(order) > 1:
            as_action(action, self._keys)  # a wrong kind is answered now, not when all have moved
        held = self._held
        held[agent] = action
        if len(held) < len(order):
            self._cumulative_rewards[agent] = 0.0
            self._clear_rewards()
            self.agent_selection = next(seat for seat in order if seat not in held)
            return
        self._held = {}
        self._cumulative_rewards[agent] = 0.0
        self._play(held)
        remaining = self.env.agents
        while remaining and not self.env.turn_order:  # a turn that passes in secret
            before = self.rewards
            self._play({})
            self.rewards = {a: before.get(a, 0.0) + r for a, r in self.rewards.items()}
            remaining = self.env.agents
        if remaining:
            self.agent_selection = self.env.turn_order[0]
        if len(remaining) != len(self.agents):
            self._deads_step_first()

    def _play(self, actions: Mapping[str, ActionLike]) -> None:
        new, rewards, terminations, truncations, infos = self.env.step(actions)
        earned = self._cumulative_rewards
        for agent, observation in new.items():
            earned[agent] += rewards[agent]
            if agent not in actions:
                keep_unread(self._new[agent], self.infos[agent], observation, infos[agent])
        if len(new) == len(self.agents):
            self._new, self.rewards, self.infos = new, rewards, infos
            self.terminations, self.truncations = terminations, truncations
        else:  # those that have ended wait for their last, empty step
            for mine, fresh in (
                (self._new, new),
                (self.rewards, rewards),
                (self.infos, infos),
                (self.terminations, terminations),
                (self.truncations, truncations),
            ):
                mine.update(fresh)

    def render(self) -> Any:
        return self.env.render()

    def close(self) -> None:
        self.env.close()

    @property
    def unwrapped(self) -> "AECView":
        return self
