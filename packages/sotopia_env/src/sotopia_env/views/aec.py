"""The agent-environment-cycle view: one seat at a time, buffered over `Parallel.step`."""

from collections.abc import Mapping
from typing import Any

from pettingzoo import AECEnv

from ..actions import ActionLike


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
        self.agents: list[str] = []

    def observation_space(self, agent: str) -> Any:
        return self.env.observation_space(agent)

    def action_space(self, agent: str) -> Any:
        return self.env.action_space(agent)

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        observations, self.infos = self.env.reset(seed=seed, options=options)
        self.agents = list(self.env.agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self._new = {agent: [observation] for agent, observation in observations.items()}
        self._actions: dict[str, ActionLike] = {}
        self.agent_selection = self.env.turn_order[0]

    def observe(self, agent: str) -> dict[str, Any]:
        new = self._new[agent]
        text = "\n".join(o["text"] for o in new if o["text"]) if len(new) > 1 else new[0]["text"]
        return {"text": text, "turn": new[-1]["turn"]}

    def step(self, action: ActionLike | None) -> None:
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        self._actions[agent] = "" if action is None else action
        waiting = [seat for seat in self.env.turn_order if seat not in self._actions]
        if waiting:
            self.agent_selection = waiting[0]
            return
        self._play(self._actions)
        self._actions = {}

    def _play(self, actions: Mapping[str, ActionLike]) -> None:
        acted = set(actions)
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        for agent, observation in observations.items():
            if agent in acted:
                self._new[agent] = [observation]
            else:
                self._new[agent].append(observation)
                heard = self.infos[agent]["heard"] + infos[agent]["heard"]
                infos[agent]["heard"] = heard
                if "note" in self.infos[agent]:
                    infos[agent]["note"] = self.infos[agent]["note"]
            self.rewards[agent] = rewards[agent]
            self.terminations[agent] = terminations[agent]
            self.truncations[agent] = truncations[agent]
            self.infos[agent] = infos[agent]
        self._accumulate_rewards()
        if self.env.agents:
            self.agent_selection = self.env.turn_order[0]
        self._deads_step_first()

    def render(self) -> Any:
        return self.env.render()

    def close(self) -> None:
        self.env.close()

    @property
    def unwrapped(self) -> "AECView":
        return self
