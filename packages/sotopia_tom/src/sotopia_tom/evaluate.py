"""`python -m sotopia_tom.evaluate`: an agent's theory of mind on a benchmark, beside its shortcuts.

Writes `items.jsonl` while it goes, then `summary.json` and the table. A run that was killed keeps
the replies it has; parsing and scoring are done again from them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sotopia_env.command import OK, UNSCORED, command
from sotopia_env.errors import ConfigurationError, one_of
from sotopia_env.run_folder import Run

from .agent import Agent
from .agents.shortcuts import FirstContainer, LastContainer, RandomAgent, RealityAgent
from .agents.symbolic import SymbolicAgent
from .asking import ask
from .benchmark import Benchmark, Item
from .benchmarks.tomi_style import TomiStyle
from .report import Scores, score, summary, table

BASELINES = ("random", "first_container", "last_container", "reality")


@dataclass(slots=True, kw_only=True)
class BenchmarkSettings:
    """Which stories are asked about."""

    name: str
    split: str
    stories: int


@dataclass(slots=True, kw_only=True)
class AgentSettings:
    """Who answers."""

    name: str


@dataclass(slots=True, kw_only=True)
class Settings:
    """Everything `hydra_conf/sotopia_tom/evaluate.yaml` holds."""

    name: str
    benchmark: BenchmarkSettings
    agent: AgentSettings
    seed: int = 0
    limit: int | None = None
    """At most this many stories, each with all its questions; None for all."""
    fresh: bool = False


AGENTS: Mapping[str, Callable[[int], Agent]] = {
    "symbolic": lambda _seed: SymbolicAgent(),
    "random": RandomAgent,
    "first_container": lambda _seed: FirstContainer(),
    "last_container": lambda _seed: LastContainer(),
    "reality": lambda _seed: RealityAgent(),
}
"""Name to a function of the seed."""


def main(settings: Settings, run: Run) -> int:
    """Load, ask, score, report."""
    benchmark = build_benchmark(settings.benchmark, settings.seed)
    agent = build_agent(settings.agent.name, settings.seed)
    if settings.limit is not None and settings.limit < 1:
        raise ConfigurationError(f"limit must be at least 1 story, got {settings.limit}")
    items = benchmark.load(settings.limit)
    run.start()
    file = run.folder / "items.jsonl"
    with run.progress(benchmark.name, len(items)) as progress:
        records = asyncio.run(ask(agent, benchmark, items, file=file, on_item=progress.advance))
    failed = [record for record in records if record.status == "failed"]
    if failed:
        run.say(
            f"{len(failed)} of {len(records)} questions got no reply, the first because: "
            f"{failed[0].problem}\nrun the same command again to ask them again"
        )
        return UNSCORED
    scores = score(records)
    baselines = {name: baseline(name, benchmark, items, settings.seed) for name in BASELINES}
    others = {name: baselines[name] for name in BASELINES if name != settings.agent.name}
    title = (
        f"{benchmark.name} version {benchmark.version}, {settings.benchmark.split} split, "
        f"seed {settings.seed}: {scores.joint.n} stories, {len(items)} questions"
    )
    run.finish(
        {**_about(settings, benchmark), **summary(scores, baselines)},
        f"{title}\n\n{table(settings.agent.name, scores, others)}\n",
    )
    return OK


def _about(settings: Settings, benchmark: Benchmark) -> dict[str, object]:
    """What the figures are of."""
    return {
        "agent": settings.agent.name,
        "benchmark": {
            "name": benchmark.name,
            "version": benchmark.version,
            "split": settings.benchmark.split,
            "seed": settings.seed,
        },
    }


def build_benchmark(settings: BenchmarkSettings, seed: int) -> Benchmark:
    """The benchmark of that name.

    Raises:
        ConfigurationError: if there is none, or its settings cannot be used.
    """
    one_of([TomiStyle.name], settings.name, "benchmark")
    return TomiStyle(seed=seed, split=settings.split, stories=settings.stories)


def build_agent(name: str, seed: int) -> Agent:
    """The agent of that name.

    Raises:
        ConfigurationError: if there is none.
    """
    return AGENTS[one_of(AGENTS, name, "agent")](seed)


def baseline(name: str, benchmark: Benchmark, items: Sequence[Item], seed: int) -> Scores:
    """Figures of one shortcut on the same items."""
    return score(asyncio.run(ask(build_agent(name, seed), benchmark, items)))


if __name__ == "__main__":
    command("sotopia_tom", "evaluate", Settings, main)
