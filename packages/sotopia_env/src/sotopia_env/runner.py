"""Plays episodes: the only loop over turns, and all concurrency.

A task says what is to be played; its key is the same every time, so that a run can be continued.
Our own errors become failed episodes with their transcript and without rewards; nothing else is
caught.
"""

import asyncio
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from .agents import Agent, AgentFactory, agent_factory
from .episode import Episode, EpisodeAnnouncement, EpisodeTurn, SeatRecord, storable
from .errors import ConfigurationError, SotopiaError
from .make import RewardLike, parallel_env
from .perception import keep_unread
from .profiles import AgentProfile, EnvironmentProfile
from .prompts import PromptStyle
from .scenarios.families import Split
from .scenarios.samplers import Sampler, Setting
from .store.protocol import EpisodeStore
from .turns import ActionOrder
from .visibility import Visibility
from .waiting import all_of, close

_LATER_FIELDS: Final[Mapping[str, object]] = {"characters": (), "visibility": "private"}
"""Fields of a task that leave its key as it is where they have these values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One episode to be played."""

    scenario: str | EnvironmentProfile
    """What `parallel_env` takes; of a family, `seed` chooses the instance."""
    agents: tuple[str, ...]
    """Spec of each seat."""
    characters: tuple[AgentProfile, ...] = ()
    """Who sits in the seats; none leaves it to `parallel_env`."""
    seed: int
    """Of the scenario instance and of every agent."""
    agent_seeds: tuple[int, ...] = ()
    """One seed per agent, where they are to differ from `seed`."""
    split: Split = "train"
    """Of a family."""
    action_order: ActionOrder = "round-robin"
    max_turns: int | None = 20
    """`None` leaves it to `parallel_env`."""
    visibility: Visibility = "private"
    tag: str = ""

    @property
    def key(self) -> str:
        """Sixteen hex digits; equal tasks have equal keys on every machine."""
        values = {
            name: value
            for name, value in asdict(self).items()
            if name not in _LATER_FIELDS or value != _LATER_FIELDS[name]
        }
        text = json.dumps(values, sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def seed_of(self, seat: int) -> int:
        return self.agent_seeds[seat] if self.agent_seeds else self.seed


def _plain(profile: AgentProfile | EnvironmentProfile) -> dict[str, Any]:
    return profile.model_dump(mode="json")


@dataclass(slots=True, kw_only=True)
class Cast:
    """Agent factories by spec, made once and shared by all episodes of a run."""

    style: PromptStyle = "chat"
    factories: dict[str, AgentFactory] = field(default_factory=dict)

    def factory(self, spec: str) -> AgentFactory:
        """The factory of a spec; agents made beforehand may be put into `factories`."""
        if spec not in self.factories:
            self.factories[spec] = agent_factory(spec, self.style)
        return self.factories[spec]

    async def close(self) -> None:
        """Let go of the connections of models; they are made again when needed."""
        for factory in self.factories.values():
            await close(factory)


async def run_episode(
    task: Task, cast: Cast | None = None, *, reward: RewardLike = "auto"
) -> Episode:
    """Play one task to its end, or to the first failure; `reward` as in `parallel_env`.

    Whoever gives the `cast` and the reward closes them.

    Raises:
        ConfigurationError: if the scenario or an agent spec cannot work; nothing has been played.
    """
    cast = cast or Cast()
    env = parallel_env(
        task.scenario,
        agents=task.characters or None,
        split=task.split,
        reward=reward,
        action_order=task.action_order,
        max_turns=task.max_turns,
        visibility=task.visibility,
    )
    if len(task.agents) != len(env.possible_agents):
        raise ConfigurationError(
            f"{_named(task.scenario)} has {len(env.possible_agents)} seats, "
            f"the task names {task.agents}"
        )
    agents = {
        seat: cast.factory(spec)(seat, task.seed_of(index))
        for index, (seat, spec) in enumerate(zip(env.possible_agents, task.agents, strict=True))
    }
    observations, infos = env.reset(seed=task.seed)
    try:
        while env.agents:
            actions = await _actions(env, agents, observations, infos)
            observations, infos = await _step(env, actions, observations, infos)
    except SotopiaError as error:
        return record_of(task, env, agents, f"{type(error).__name__}: {error}")
    return record_of(task, env, agents, None)


def _named(scenario: str | EnvironmentProfile) -> str:
    return scenario if isinstance(scenario, str) else scenario.label


def sampled_tasks(
    sampler: Sampler,
    agents: Sequence[str],
    *,
    size: int = 1,
    seed: int = 0,
    replacement: bool = True,
    **settings: Any,
) -> list[Task]:
    """Tasks for sampled settings; `settings` are further fields of `Task`.

    `agents` is the spec of all seats, or one spec a seat, and only scenarios with so many seats are
    then drawn. The first is the one under test: of a setting that says so it sits in the tested
    seat, the others in their order in the rest.

    Raises:
        SamplingError: if the sampler has no such scenarios.
        ConfigurationError: if the agents do not match the seats of a setting.
    """
    rng = np.random.default_rng(seed)
    drawn = sampler.sample(
        size, rng, replacement=replacement, seats=len(agents) if len(agents) > 1 else None
    )
    return [
        Task(
            scenario=setting.scenario,
            agents=_placed(agents, setting),
            characters=setting.characters,
            seed=seed + number,
            **settings,
        )
        for number, setting in enumerate(drawn)
    ]


def _placed(agents: Sequence[str], setting: Setting) -> tuple[str, ...]:
    seats = len(setting.characters)
    if len(agents) == 1:
        return tuple(agents) * seats
    if len(agents) != seats:
        raise ConfigurationError(
            f"{_named(setting.scenario)} has {seats} seats, agents= names {len(agents)}; "
            "name one for all, or one a seat"
        )
    under_test, *others = agents
    seat = setting.tested_seat or 0
    return (*others[:seat], under_test, *others[seat:])


async def run_episodes(
    tasks: Iterable[Task] = (),
    *,
    sampler: Sampler | None = None,
    agents: Sequence[str] = (),
    size: int = 1,
    seed: int = 0,
    cast: Cast | None = None,
    reward: RewardLike = "auto",
    store: EpisodeStore | None = None,
    concurrency: int = 64,
    on_episode: Callable[[Episode], None] | None = None,
) -> list[Episode]:
    """Play tasks, at most `concurrency` at once; episodes in the order of the tasks.

    Instead of tasks, a `sampler` draws `size` settings for the `agents`; see `sampled_tasks`.

    With a store, each episode is written as it finishes, and tasks whose key is already there in
    status `ok` are not played again but read back; a store holds episodes of one reward. Equal
    tasks are played once.

    Raises:
        ConfigurationError: if a task cannot work; the episodes of others may have been played.
    """
    if concurrency < 1:
        raise ConfigurationError(f"concurrency must be at least 1, got {concurrency}")
    cast = cast or Cast()
    owed = list(tasks)
    if sampler is not None:
        owed += sampled_tasks(sampler, agents, size=size, seed=seed)
    done: dict[str, Episode] = {}
    if store is not None:
        done = {e.key: e for e in store.get_many([task.key for task in owed]) if e.status == "ok"}
    waiting = iter({task.key: task for task in owed if task.key not in done}.values())

    async def work() -> None:
        for task in waiting:
            episode = await run_episode(task, cast, reward=reward)
            done[task.key] = episode
            if store is not None:
                store.add(episode)
            if on_episode is not None:
                on_episode(episode)
            await asyncio.sleep(0)  # scripted agents never wait, and an interrupt has to get in

    workers = [asyncio.create_task(work()) for _ in range(min(concurrency, len(owed)))]
    try:
        await asyncio.gather(*workers)
    finally:  # after a mistake or an interrupt nobody plays on
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await cast.close()
        await close(reward)
    return [done[task.key] for task in owed]


async def _actions(
    env: Any,
    agents: Mapping[str, Agent],
    observations: Mapping[str, dict[str, Any]],
    infos: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    """What the seats on turn do; several of them think at the same time."""
    seats: Sequence[str] = env.turn_order
    if len(seats) == 1:
        seat = seats[0]
        info = _informed(env, agents[seat], infos[seat])
        return {seat: await agents[seat].act(observations[seat], info)}
    thoughts = (
        agents[seat].act(observations[seat], _informed(env, agents[seat], infos[seat]))
        for seat in seats
    )
    return dict(zip(seats, await all_of(thoughts), strict=True))


def _informed(env: Any, agent: Agent, info: dict[str, Any]) -> dict[str, Any]:
    return {**info, "solution": env.solution()} if agent.is_privileged else info


async def _step(
    env: Any,
    actions: Mapping[str, Any],
    shown: Mapping[str, dict[str, Any]],
    known: Mapping[str, dict[str, Any]],
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """One step; a seat that has not acted since keeps what it has not read yet."""
    is_async = getattr(env, "is_async", False)
    observations, _, _, _, infos = await env.step_async(actions) if is_async else env.step(actions)
    for seat, observation in observations.items():
        if seat not in actions:
            keep_unread(shown[seat], known[seat], observation, infos[seat])
    return observations, infos


def record_of(task: Task, env: Any, agents: Mapping[str, Any], error: str | None) -> Episode:
    """What was played so far, as it is stored; `agents` need a `conversation`.

    With an `error` the episode is failed and has no rewards.
    """
    transcript = env.transcript
    seats = {}
    for index, (seat, agent) in enumerate(agents.items()):
        reward = None if error else env.final_rewards[seat]
        seats[seat] = SeatRecord(
            name=transcript.names[seat],
            agent=task.agents[index],
            profile=None if transcript.characters is None else transcript.characters[index],
            context=agent.conversation.record(),
            decisions=tuple(agent.conversation.decisions),
            reward=reward if reward is not None and math.isfinite(reward) else None,
            invalid_moves=env.invalid_moves[index],
        )
    return Episode(
        key=task.key,
        scenario=transcript.profile,
        seed=task.seed,
        seats=seats,
        turns=tuple(EpisodeTurn.of(turn) for turn in transcript.turns),
        announcements=tuple(
            EpisodeAnnouncement(number=a.number, text=a.text, audience=a.audience)
            for a in transcript.announcements
        ),
        outcome=transcript.outcome,
        ending=storable(transcript.ending),
        visibility=env.visibility,
        evaluations=() if error else tuple(e.storable() for e in getattr(env, "evaluations", ())),
        status="failed" if error else "ok",
        error=None if error is None else storable(error),
        tag=task.tag,
    )
