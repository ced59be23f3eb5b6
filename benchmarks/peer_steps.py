"""Moves of the original Sotopia and of TextArena, timed in an interpreter of their own.

Run by `env_step.py --peers <python>`; reads questions from standard input, one JSON list a line,
and answers each with microseconds of CPU. Both are called as their own examples call them; actions
are made beforehand, no model is asked.
"""

import asyncio
import contextlib
import io
import json
import logging
import os
import sys
import time
from typing import Any

os.environ.setdefault("SOTOPIA_STORAGE_BACKEND", "local")
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

WORDS = "I have given this some thought, and I believe that it is fair to both of us."


class Sotopia:
    """The original environment with its own rule of termination and no judge."""

    def __init__(self, agents: int, order: str) -> None:
        from sotopia.agents import LLMAgent
        from sotopia.database.persistent_profile import AgentProfile, EnvironmentProfile
        from sotopia.envs.evaluators import RuleBasedTerminatedEvaluator
        from sotopia.envs.parallel import ParallelSotopiaEnv
        from sotopia.messages import AgentAction

        self.names = [f"Person{number} Doe" for number in range(agents)]
        self.order = order
        profile = EnvironmentProfile(
            codename="bench", scenario="Two friends meet.", agent_goals=["Talk."] * agents
        )
        rule = RuleBasedTerminatedEvaluator(max_turn_number=10**6, max_stale_turn=10**6)
        self.env = ParallelSotopiaEnv(env_profile=profile, action_order=order, evaluators=[rule])
        self.agents = {}
        for name in self.names:
            character = AgentProfile(first_name=name.split()[0], last_name="Doe")
            self.agents[name] = LLMAgent(agent_profile=character, agent_name=name)
            self.agents[name].goal = "Talk."
        self.spoken = AgentAction(action_type="speak", argument=WORDS, to=[])
        self.silent = AgentAction(action_type="none", argument="", to=[])
        self.turn = 0

    def reset(self) -> None:
        self.env.reset(agents=self.agents)
        self.turn = 0

    def actions(self) -> dict[str, Any]:
        """Everybody speaks, or the one on turn does."""
        if self.order == "simultaneous":
            return dict.fromkeys(self.names, self.spoken)
        speaker = self.turn % len(self.names)
        return {
            name: self.spoken if number == speaker else self.silent
            for number, name in enumerate(self.names)
        }

    def step_at_turn_1(self, repeats: int) -> float:
        total = 0.0
        for _ in range(repeats):
            self.reset()
            actions = self.actions()
            start = time.process_time()
            self.env.step(actions)
            total += time.process_time() - start
        return total / repeats

    def astep_at(self, turn: int, repeats: int) -> float:
        async def play() -> float:
            self.reset()
            for _ in range(turn - 1):
                await self.env.astep(self.actions())
                self.turn += 1
            start = time.process_time()
            for _ in range(repeats):
                await self.env.astep(self.actions())
                self.turn += 1
            return (time.process_time() - start) / repeats

        return asyncio.run(play())

    def resets(self, repeats: int) -> float:
        start = time.process_time()
        for _ in range(repeats):
            self.reset()
        return (time.process_time() - start) / repeats


def textarena(moves: int, repeats: int) -> float:
    """A move of TextArena's SimpleNegotiation; a new environment an episode, every offer denied."""
    import textarena as arena

    total, count = 0.0, 0
    while count < repeats:
        env = arena.make("SimpleNegotiation-v0", max_turns=moves)
        env.reset(num_players=2, seed=0)
        start = time.process_time()
        for move in range(moves):
            env.get_observation()
            offers = move % 2 == 0
            env.step(f"{WORDS} [Offer: 1 Wheat -> 1 Wood]" if offers else f"{WORDS} [Deny]")
        total += time.process_time() - start
        count += moves
    return total / count


def answer(question: list[Any]) -> float:
    """Seconds of one measurement."""
    kind, *arguments = question
    if kind == "textarena":
        return textarena(*arguments)
    agents, order, what, *rest = arguments
    return float(getattr(Sotopia(agents, order), what)(*rest))


def main() -> None:
    """Answer until the input ends; what the peers print goes nowhere."""
    logging.disable(logging.CRITICAL)
    out = sys.stdout
    for line in sys.stdin:
        with contextlib.redirect_stdout(io.StringIO()):
            seconds = answer(json.loads(line))
        print(json.dumps(seconds * 1e6), file=out, flush=True)


if __name__ == "__main__":
    main()
