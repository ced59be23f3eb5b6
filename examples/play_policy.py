"""A trained checkpoint against a scripted partner: `python examples/play_policy.py <folder>`.

The folder is `policy` in a run of `sotopia_trainers.grpo`, or `clone` in one of `bc`.
"""

import asyncio
import sys

from sotopia_env import run_episodes
from sotopia_env.runner import Cast, Task

if len(sys.argv) != 2:
    sys.exit(__doc__)
agents = (f"policy:{sys.argv[1]}", "scripted:boulware")
task = Task(scenario="price_negotiation/test/0", agents=agents, seed=0)
(episode,) = asyncio.run(run_episodes([task], cast=Cast()))

for seat, goal in zip(episode.seats, episode.scenario.agent_goals, strict=True):
    print(f"{episode.seats[seat].name} ({episode.seats[seat].agent}): {goal}\n")
for turn in episode.turns:
    print(f"{episode.seats[turn.seat].name}: {turn.argument}")
print(f"\n{episode.outcome}")
for seat, record in episode.seats.items():
    print(f"{record.name}: share of the surplus {episode.scores(seat)['outcome/share']:.2f}")
