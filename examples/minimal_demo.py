"""One sampled episode: a shipped scenario, characters who fit it, and an agent in every seat.

Give a model to hear it talk to itself: `python examples/minimal_demo.py openai/gpt-4o` (see the
environment guide for its key), or two to hear them talk to each other; without one, scripted agents
make small talk.
"""

import asyncio
import sys

from sotopia_env import ConstraintSampler, run_episodes

agents = sys.argv[1:] or ["scripted:talker"]
(episode,) = asyncio.run(run_episodes(sampler=ConstraintSampler(), agents=agents, seed=7))

print(episode.scenario.scenario)
for turn in episode.turns:
    what = turn.argument or turn.action_type
    print(f"{episode.seats[turn.seat].name} ({turn.action_type}): {what}")
print(f"\n{(episode.ending or str(episode.outcome)).strip('; ')}")
