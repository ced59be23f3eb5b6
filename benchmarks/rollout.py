"""How fast a tiny policy plays, with keys and values kept between turns and without.

    python benchmarks/rollout.py [folder of a checkpoint]

A policy is cloned from a thousand games first, unless a checkpoint is given; an untrained one would
babble to its longest turn. Both ways play the same games with the same seeds, in turn, on one core,
and must produce the same tokens. The best of each is compared, because machines are shared.
"""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from sotopia_env.episode import Context, Episode
from sotopia_env.runner import Cast, Task, run_episodes
from sotopia_trainers.data import cloned_rows
from sotopia_trainers.policy import Policy, PolicyRecord, load_policy
from sotopia_trainers.rollout import PolicyAgent
from sotopia_trainers.sampling import TransformersSampler
from sotopia_trainers.settings import TinySettings
from sotopia_trainers.tiny import build_tiny
from sotopia_trainers.trl_bridge import train_sft

REPEATS = 5
GAMES = 256
DEMONSTRATOR, PARTNER = "scripted:linear?noise=0.8&floor=-0.5", "scripted:linear"


class ForgetfulSampler(TransformersSampler):
    """Feeds the whole conversation again at every turn."""

    def _turns(self, contexts: Any) -> Any:
        for context in contexts:
            context.batch, context.fed = None, 0
        return super()._turns(contexts)


def tasks(first: str, count: int) -> list[Task]:
    """Games of `first` against the partner, in both seats."""
    return [
        Task(
            scenario=f"price_negotiation/train/{number}",
            agents=(first, PARTNER) if number % 2 else (PARTNER, first),
            seed=number,
        )
        for number in range(count)
    ]


def cloned(folder: Path) -> Policy:
    """A tiny policy that speaks like the demonstrator."""
    episodes = asyncio.run(run_episodes(tasks(DEMONSTRATOR, 1000), cast=Cast(style="brief")))
    record = PolicyRecord(style="brief", max_turn_tokens=16, temperature=0.8, stage="clone")
    texts = [m.content for e in episodes for seat in e.seats for m in context(e, seat).messages]
    policy = build_tiny(texts, TinySettings(), record, seed=0)
    options = {"per_device_train_batch_size": 8, "learning_rate": 2e-3,
               "num_train_epochs": 2, "gradient_checkpointing": False}  # fmt: skip
    rows = cloned_rows(episodes, policy.chat, [DEMONSTRATOR])
    train_sft(policy, rows, options, folder / "sft", seed=42)
    return policy


def context(episode: Episode, seat: str) -> Context:
    """What a seat saw and said."""
    found = episode.seats[seat].context
    assert found is not None
    return found


def play(sampler: TransformersSampler) -> tuple[float, int, list[tuple[int, ...] | None]]:
    """CPU seconds, turns of the policy, and what it said."""
    cast = Cast(style="brief")
    cast.factories["learner"] = lambda seat, seed: PolicyAgent(seat, seed, sampler)
    start = time.process_time()
    games = tasks("learner", GAMES)
    episodes = asyncio.run(run_episodes(games, cast=cast, concurrency=GAMES))
    seconds = time.process_time() - start
    contexts = [context(e, f"agent_{1 - n % 2}") for n, e in enumerate(episodes)]
    turns = sum(m.role == "assistant" for c in contexts for m in c.messages)
    return seconds, turns, [c.token_ids for c in contexts]


def main() -> None:
    """Print games and turns a second of CPU for both ways."""
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        policy = load_policy(sys.argv[1]) if len(sys.argv) > 1 else cloned(Path(folder))
    policy.model.eval()
    ways = {
        "keys and values kept": TransformersSampler(policy),
        "whole conversation again": ForgetfulSampler(policy),
    }
    best = dict.fromkeys(ways, float("inf"))
    said: dict[str, Any] = {}
    for _ in range(REPEATS):
        for name, sampler in ways.items():
            seconds, turns, said[name] = play(sampler)
            best[name] = min(best[name], seconds)
    same = sum(a == b for a, b in zip(*said.values(), strict=True))
    print(f"{GAMES} games in one batch, best of {REPEATS}, one core; {same} of {GAMES} games equal")
    for name, seconds in best.items():
        print(f"{name:28}{GAMES / seconds:8.0f} games/s {turns / seconds:8.0f} turns/s")


if __name__ == "__main__":
    main()
