"""From a request to an episode: made ready, checked, and played on the runner.

A request comes from outside. It names scenarios and characters by id or brings them along, and
models by spec, but never a file, an address, or the terminal of the server.
"""

import inspect
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..agents import AgentFactory
from ..clients.spec import is_model
from ..episode import (
    Episode,
    EpisodeAnnouncement,
    EpisodeTurn,
    Evaluation,
    SeatRecord,
    Transcript,
)
from ..errors import AgentError, NotFoundError
from ..evaluators import Evaluator, Judge
from ..evaluators.dimensions import Rubric, overall
from ..evaluators.llm_judge import LLMJudge
from ..formats import FORMS, write_episode_log
from ..formats.episode_logs import JUDGE_MODEL
from ..make import parallel_env
from ..profiles import AgentProfile, EnvironmentProfile
from ..queries import split_query
from ..runner import Cast, Task, run_episode
from ..store import EpisodeStore
from .records import read_record, rubric_of

AgentMaker: TypeAlias = Callable[[str], AgentFactory]
JudgeMaker: TypeAlias = Callable[[str, Rubric], Evaluator | Judge]
Watch: TypeAlias = Callable[[Episode], Awaitable[None]]
"""Is shown the episode so far after every turn; what it raises ends the play."""

MOST_TURNS: Final = 1000
MOST_SEATS: Final = 20
_DEFAULT_MODEL: Final = "gpt-4o-mini"
"""Entry of an episode's metadata that episode logs write as `models[0]`."""


class SimulationRequest(BaseModel):
    """The data of `START_SIM`, with the published defaults; further keys are let be."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    env_id: str = ""
    agent_ids: tuple[str, ...] = ()
    agent_models: tuple[str, ...] | None = None
    """One a seat; by default the published model in every seat."""
    evaluator_model: str = "gpt-4o"
    evaluation_dimension_list_name: str = "sotopia"
    max_turns: int = Field(default=20, ge=1, le=MOST_TURNS)
    env_profile_dict: dict[str, Any] = {}
    """A scenario in the local form, instead of one of the store."""
    agent_profile_dicts: tuple[dict[str, Any], ...] = ()
    """Characters in the local form, instead of those of the store."""

    @model_validator(mode="after")
    def _is_whole(self) -> "SimulationRequest":
        if not self.env_id and not self.env_profile_dict:
            raise ValueError("env_id is missing, and there is no env_profile_dict")
        if not 2 <= self.seats <= MOST_SEATS:
            raise ValueError(f"agent_ids must be 2 to {MOST_SEATS}, got {self.seats}")
        if self.agent_models is not None and len(self.agent_models) != self.seats:
            raise ValueError(
                f"agent_models must be one for each agent, got {len(self.agent_models)} "
                f"for {self.seats}"
            )
        return self

    @property
    def seats(self) -> int:
        return len(self.agent_profile_dicts or self.agent_ids)


def model_judge(model: str, dimensions: Rubric) -> Judge:
    """The judge that a model is.

    Raises:
        ConfigurationError: for a model nobody can reach.
    """
    return LLMJudge(model, dimensions=dimensions)


def spec_of(name: str) -> str:
    """The spec behind a model's name in a request; a published one (`gpt-4o`) is OpenAI's.

    Raises:
        AgentError: for what a request may not choose.
    """
    bare, options = split_query(name)
    if bare == "human":
        raise AgentError("'human' would sit at the terminal of the server; name a model or script")
    if bare and "/" not in bare and ":" not in bare:
        return f"openai/{name}"
    if bare.startswith("custom/") and "@" in bare:
        raise AgentError(
            f"{name!r} brings an address along; set CUSTOM_BASE_URL where the server starts, "
            "and write custom/<model>"
        )
    if "template" in options:
        raise AgentError(f"{name!r} names a file of the server; leave the template out")
    if not is_model(bare) and not bare.startswith("scripted:"):
        raise AgentError(f"{name!r} is none; write <provider>/<model> or scripted:<strategy>")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """One episode that is ready to be played, once."""

    key: str
    """Of the episode."""
    task: Task
    cast: Cast
    judge: Evaluator | Judge
    judge_model: str
    first: Episode
    """The episode before its first turn."""

    async def run(self, watch: Watch | None = None) -> Episode:
        """Play and judge it; a failure of an agent is a failed episode."""
        try:
            referee = _Referee(self, watch)
            played = await run_episode(self.task, self.cast, reward=referee)
        finally:
            await self.cast.close()
            if hasattr(self.judge, "close"):
                await self.judge.close()
        return self._completed(played)

    def _completed(self, played: Episode) -> Episode:
        """With its own key, and the overall score of the judge as reward of each seat."""
        scores = played.evaluations[-1].scores if played.evaluations else {}
        seats = {
            seat: record.model_copy(update={"reward": overall(scores.get(seat, {}))})
            for seat, record in played.seats.items()
        }
        metadata = {**played.metadata, JUDGE_MODEL: self.judge_model}
        update = {"key": self.key, "seats": seats, "metadata": metadata}
        return played.model_copy(update=update)

    def so_far(self, transcript: Transcript) -> Episode:
        """What has been played up to now."""
        return _so_far(transcript, self.key, self.task, self.judge_model)


def _so_far(transcript: Transcript, key: str, task: Task, judge_model: str) -> Episode:
    assert transcript.characters is not None
    seats = zip(transcript.names.items(), task.agents, transcript.characters, strict=True)
    return Episode(
        key=key,
        scenario=transcript.profile,
        seed=task.seed,
        seats={
            seat: SeatRecord(name=name, agent=agent, profile=character)
            for (seat, name), agent, character in seats
        },
        turns=tuple(map(EpisodeTurn.of, transcript.turns)),
        announcements=tuple(
            EpisodeAnnouncement(number=a.number, text=a.text, audience=a.audience)
            for a in transcript.announcements
        ),
        outcome=transcript.outcome,
        ending=transcript.ending,
        tag=task.tag,
        metadata={JUDGE_MODEL: judge_model},
    )


class _Referee:
    """Shows every turn to whoever watches, and has the judge judge the last."""

    per_turn = True

    def __init__(self, simulation: Simulation, watch: Watch | None) -> None:
        self.name = simulation.judge.name
        self._simulation, self._watch = simulation, watch

    async def evaluate(self, transcript: Transcript) -> Evaluation:
        if self._watch is not None:
            await self._watch(self._simulation.so_far(transcript))
        if transcript.outcome is None:
            return Evaluation(source=self.name, unscored="the episode goes on")
        verdict = self._simulation.judge.evaluate(transcript)
        return await verdict if inspect.isawaitable(verdict) else verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Makes simulations ready."""

    store: EpisodeStore
    agents: AgentMaker
    judge: JudgeMaker

    def prepare(self, request: SimulationRequest, tag: str) -> Simulation:
        """All that can be found out before the first turn is found out here.

        Raises:
            NotFoundError: for ids and lists that are not in the store, all of them named.
            ConfigurationError: for agents, models or a scenario that cannot work.
            FormatError: for profiles that are none, or names that logs cannot tell apart.
        """
        scenario, people = self._profiles(request)
        dimensions = rubric_of(self.store, request.evaluation_dimension_list_name)
        judge_model = spec_of(request.evaluator_model)
        specs = tuple(map(spec_of, request.agent_models or (_DEFAULT_MODEL,) * len(people)))
        cast = Cast(factories={spec: self.agents(spec) for spec in dict.fromkeys(specs)})
        judge = self.judge(judge_model, dimensions)
        identity = uuid.uuid4()
        task = Task(
            scenario=scenario,
            agents=specs,
            characters=people,
            seed=identity.int % 2**32,
            max_turns=request.max_turns,
            tag=tag,
        )
        env = parallel_env(scenario, agents=people, reward=None, max_turns=task.max_turns)
        env.reset(seed=task.seed)
        first = _so_far(env.transcript, identity.hex, task, judge_model)
        write_episode_log(first)  # names that logs cannot tell apart are refused before the play
        return Simulation(
            key=identity.hex,
            task=task,
            cast=cast,
            judge=judge,
            judge_model=judge_model,
            first=first,
        )

    def _profiles(
        self, request: SimulationRequest
    ) -> tuple[EnvironmentProfile, tuple[AgentProfile, ...]]:
        """The scenario and the characters; those brought along take the place of stored ones."""
        missing: list[str] = []
        scenario: EnvironmentProfile | None = None
        people: list[AgentProfile] = []
        if request.env_profile_dict:
            values = {"pk": request.env_id, **request.env_profile_dict}
            scenario = read_record(FORMS["environments"], values, "env_profile_dict")
        else:
            try:
                scenario = self.store.get(EnvironmentProfile, request.env_id)
            except NotFoundError:
                missing.append(f"scenario {request.env_id!r}")
        for number, content in enumerate(request.agent_profile_dicts):
            identity = request.agent_ids[number] if number < len(request.agent_ids) else ""
            values = {"pk": identity, **content}
            people.append(read_record(FORMS["agents"], values, f"agent_profile_dicts {number}"))
        for identity in () if people else request.agent_ids:
            try:
                people.append(self.store.get(AgentProfile, identity))
            except NotFoundError:
                missing.append(f"agent {identity!r}")
        if missing or scenario is None:
            raise NotFoundError(f"not in the store: {', '.join(missing)}")
        return scenario, tuple(people)
