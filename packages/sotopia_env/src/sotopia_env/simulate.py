"""`python -m sotopia_env.simulate`: scenarios x agents x seeds into a store, with a table.

Of a family, every seed is an instance of its own. With `both_seats` each game is played twice, the
agents having changed seats. Episodes land in `episodes.sqlite` of the run folder as they finish; a
run that was stopped plays only what it still owes.
"""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .command import FAILED, OK, UNSCORED, command
from .episode import Episode
from .errors import ConfigurationError, one_of
from .intervals import mean_interval, rate_interval
from .make import parallel_env
from .prompts import PROMPT_STYLES
from .run_folder import Run
from .runner import Cast, Task, run_episodes
from .scenarios.families import SPLITS
from .store import SqliteStore
from .turns import ACTION_ORDERS
from .visibility import VISIBILITIES


@dataclass(slots=True, kw_only=True)
class Settings:
    """See `hydra_conf/sotopia_env/simulate.yaml`."""

    scenario: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    limit: int = 100
    """Seeds a scenario."""
    split: str = "train"
    both_seats: bool = True
    action_order: str = "round-robin"
    visibility: str = "private"
    max_turns: int | None = None
    style: str = "chat"
    """How the seats' contexts are written: `chat` or `brief`."""
    concurrency: int = 64
    """Episodes played at once."""
    tag: str = ""
    seed: int = 0
    fresh: bool = False


def main(settings: Settings, run: Run) -> int:
    """Check, play what is owed, print who got what."""
    cast = Cast(style=one_of(PROMPT_STYLES, settings.style, "style"))
    tasks = _tasks(settings, cast)
    run.start()
    store = SqliteStore(run.folder / "episodes.sqlite")
    try:
        done = store.count_done([task.key for task in tasks])
        with run.progress("episodes", len(tasks), done=done) as progress:
            episodes = asyncio.run(
                run_episodes(
                    tasks,
                    cast=cast,
                    store=store,
                    concurrency=settings.concurrency,
                    on_episode=lambda _: progress.advance(),
                )
            )
    finally:
        store.close()
    return _report(episodes, run)


def _tasks(settings: Settings, cast: Cast) -> list[Task]:
    """All episodes to be played.

    Raises:
        ConfigurationError: for anything that cannot work, before anything is played.
    """
    if not settings.scenario or not settings.agents:
        raise ConfigurationError(
            "name what to play, for example "
            "scenario=price_negotiation agents=[scripted:boulware,scripted:linear]"
        )
    if settings.limit < 1 or settings.concurrency < 1:
        raise ConfigurationError(
            "limit and concurrency must be at least 1, "
            f"got {settings.limit}, {settings.concurrency}"
        )
    split = one_of(SPLITS, settings.split, "split")
    order = one_of(ACTION_ORDERS, settings.action_order, "action_order")
    visibility = one_of(VISIBILITIES, settings.visibility, "visibility")
    for spec in settings.agents:
        cast.factory(spec)
    seatings: dict[str, list[tuple[str, ...]]] = {}
    for scenario in settings.scenario:
        env = parallel_env(
            scenario,
            split=split,
            action_order=order,
            max_turns=settings.max_turns,
        )
        seatings[scenario] = _seatings(scenario, settings, len(env.possible_agents))
    return [
        Task(
            scenario=scenario,
            agents=seating,
            seed=settings.seed + number,
            split=split,
            action_order=order,
            max_turns=settings.max_turns,
            visibility=visibility,
            tag=settings.tag,
        )
        for scenario in settings.scenario
        for number in range(settings.limit)
        for seating in seatings[scenario]
    ]


def _seatings(scenario: str, settings: Settings, seats: int) -> list[tuple[str, ...]]:
    """Who sits where; with `both_seats` also the other way round."""
    agents = tuple(settings.agents)
    if len(agents) == 1:
        return [agents * seats]
    if len(agents) != seats:
        raise ConfigurationError(
            f"{scenario} has {seats} seats, agents= names {len(agents)}; "
            "name one a seat, or one for all"
        )
    is_turned = settings.both_seats and len(set(agents)) > 1
    return [agents, agents[::-1]] if is_turned else [agents]


def _report(episodes: Sequence[Episode], run: Run) -> int:
    failed = [e for e in episodes if e.status == "failed"]
    instances = {episode.scenario.scenario_id for episode in episodes}
    scored: dict[str, dict[str, list[tuple[float, Hashable]]]] = {}
    for episode in episodes:
        # of one instance, what is drawn again is the chance in how it is played
        cluster = episode.scenario.scenario_id if len(instances) > 1 else episode.seed
        for seat, record in episode.seats.items():
            for name, value in episode.scores(seat).items():
                scored.setdefault(record.agent, {}).setdefault(name, []).append((value, cluster))
    figures = {
        agent: {
            name: _figure(name, [v for v, _ in pairs], [c for _, c in pairs], len(instances) == 1)
            for name, pairs in by_name.items()
        }
        for agent, by_name in scored.items()
    }
    lines = [f"{len(episodes)} episodes, {len(failed)} failed"]
    for agent, by_name in figures.items():
        lines.append(agent)
        lines += [f"  {name:24} {_shown(figure)}" for name, figure in sorted(by_name.items())]
    lines += [f"failed: {e.key} {e.error}" for e in failed[:5]]
    summary = {
        "episodes": len(episodes),
        "failed": len(failed),
        "agents": figures,
    }
    unscored = sum(not any(map(e.scores, e.seats)) for e in episodes) - len(failed)
    if unscored:
        lines.append(f"{unscored} episodes are not scored: their scenarios have no rule that does")
    if failed or unscored:
        run.say("\n".join(lines))
        run.say(f"episodes are in {run.shown_folder}")
        return FAILED if failed else UNSCORED
    run.finish(summary, "\n".join(lines))
    return OK


def _figure(
    name: str, values: list[float], clusters: list[Hashable], is_one_instance: bool
) -> dict[str, Any]:
    """Mean with its interval; the mean alone where nothing varies between the clusters.

    Of one instance that is no certainty: it may be that chance has no part in how it is played.
    """
    by_cluster: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        by_cluster.setdefault(cluster, []).append(value)
    is_even = len({sum(of_one) / len(of_one) for of_one in by_cluster.values()}) == 1
    if name.endswith("/agreement") and not (is_even and is_one_instance):
        return rate_interval([value == 1 for value in values], clusters).model_dump()
    if is_even:
        return {"value": sum(values) / len(values), "low": None, "high": None, "n": len(values)}
    return mean_interval(values, clusters).model_dump()


def _shown(figure: dict[str, Any]) -> str:
    if figure["low"] is None:
        return f"{figure['value']:.3f} (no spread to be seen in {figure['n']})"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


if __name__ == "__main__":
    command("sotopia_env", "simulate", Settings, main)
