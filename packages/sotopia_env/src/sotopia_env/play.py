"""`python -m sotopia_env.play`: a person plays one seat of any scenario at the terminal.

Every start plays another instance of a family, or the same scenario again with other partners'
luck. Episodes are kept in `episodes.sqlite` of the run folder like any others; one that was
interrupted is not, and the same command begins it again.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from .command import FAILED, OK, command
from .episode import Episode
from .errors import ConfigurationError, one_of
from .make import parallel_env
from .run_folder import Run
from .runner import Cast, Task, run_episodes
from .scenarios.families import SPLITS
from .store import SqliteStore
from .turns import ACTION_ORDERS
from .visibility import VISIBILITIES


@dataclass(slots=True, kw_only=True)
class Settings:
    """See `hydra_conf/sotopia_env/play.yaml`."""

    scenario: str = "price_negotiation"
    partner: list[str] = field(default_factory=list)
    """Of the other seats; one stands for all."""
    seat: int = 0
    """Of the person."""
    split: str = "train"
    action_order: str = "round-robin"
    max_turns: int | None = None
    visibility: str = "private"
    tag: str = "play"
    seed: int = 0
    fresh: bool = False


def main(settings: Settings, run: Run) -> int:
    """Check, play, say how it ended."""
    cast = Cast()
    task = _task(settings, cast)
    run.start()
    with SqliteStore(run.folder / "episodes.sqlite") as store:
        task = replace(task, seed=settings.seed + len(store))
        run.say(f"You are agent_{settings.seat} in {settings.scenario}.")
        (episode,) = asyncio.run(run_episodes([task], cast=cast, store=store))
    run.say(_ending(episode))
    run.say(f"kept in {run.shown_folder}")
    return FAILED if episode.status == "failed" else OK


def _task(settings: Settings, cast: Cast) -> Task:
    """What is to be played.

    Raises:
        ConfigurationError: for anything that cannot work, before anything is played.
    """
    env = parallel_env(
        settings.scenario,
        split=one_of(SPLITS, settings.split, "split"),
        action_order=one_of(ACTION_ORDERS, settings.action_order, "action_order"),
        max_turns=settings.max_turns,
        visibility=one_of(VISIBILITIES, settings.visibility, "visibility"),
    )
    seats = len(env.possible_agents)
    if not 0 <= settings.seat < seats:
        raise ConfigurationError(f"seat must lie in 0..{seats - 1}, got {settings.seat}")
    partners = settings.partner or [_partner_for(env)]
    others = partners * (seats - 1) if len(partners) == 1 else partners
    if len(others) != seats - 1:
        raise ConfigurationError(
            f"{settings.scenario} has {seats - 1} other seats, partner= names {len(others)}"
        )
    agents = (*others[: settings.seat], "human", *others[settings.seat :])
    for spec in agents:
        cast.factory(spec)
    return Task(
        scenario=settings.scenario,
        agents=agents,
        seed=settings.seed,
        split=one_of(SPLITS, settings.split, "split"),
        action_order=one_of(ACTION_ORDERS, settings.action_order, "action_order"),
        max_turns=settings.max_turns,
        visibility=one_of(VISIBILITIES, settings.visibility, "visibility"),
        tag=settings.tag,
    )


def _partner_for(env: Any) -> str:
    """A partner that needs no model: it bargains, deduces or chats."""
    env.reset(seed=0)
    game = env.transcript.game
    if game is None:
        return "scripted:talker"
    return "scripted:deducer" if getattr(game, "is_phased", False) else "scripted:linear"


def _ending(episode: Episode) -> str:
    if episode.status == "failed":
        return f"failed: {episode.error}"
    why = episode.ending.strip().rstrip(";.") or episode.outcome
    lines = [f"\nIt is over: {why}."]
    for seat, record in episode.seats.items():
        told = ", ".join(f"{name} {value:g}" for name, value in episode.scores(seat).items())
        if told:
            lines.append(f"{record.name}: {told}")
    return "\n".join(lines)


if __name__ == "__main__":
    again = "run the same command again to play from the beginning"
    command("sotopia_env", "play", Settings, main, if_interrupted=again)
