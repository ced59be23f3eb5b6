"""Simulations in the background: `POST /simulate`, and how far they are."""

import asyncio
import logging
from typing import Final, Literal, TypeAlias

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from ..episode import Episode
from ..errors import SotopiaError
from ..formats.reading import checked
from .problems import body_of, problem
from .simulations import MOST_TURNS, Simulation, SimulationRequest, Stage

_LOG: Final = logging.getLogger(__name__)

Status: TypeAlias = Literal["Started", "Completed", "Error"]

_AT_ONCE: Final = 64
"""Episodes played at the same time; others wait."""


class _Order(BaseModel):
    """The body of `POST /simulate`; further keys are let be."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    env_id: str = Field(min_length=1)
    agent_ids: tuple[str, ...] = Field(min_length=2, max_length=2)
    models: tuple[str, ...] = Field(min_length=3, max_length=3)
    """Judge first, then the seats."""
    max_turns: int = Field(ge=1, le=MOST_TURNS)
    tag: str


class Jobs:
    """The simulations of one application; those not finished when it ends are lost."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._running: dict[str, asyncio.Task[None]] = {}
        self._begun: set[str] = set()
        self._places = asyncio.Semaphore(_AT_ONCE)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/simulate", self.simulate),
            web.get("/simulation_status/{key}", self.status),
        ]

    async def simulate(self, request: web.Request) -> web.Response:
        """Begin an episode; the answer is its key, as plain text."""
        order = checked(_Order, await body_of(request), "body")
        judge, *players = order.models
        wanted = SimulationRequest(
            env_id=order.env_id,
            agent_ids=order.agent_ids,
            agent_models=tuple(players),
            evaluator_model=judge,
            max_turns=order.max_turns,
        )
        simulation = self._stage.prepare(wanted, order.tag)
        self._begun.add(simulation.key)
        self._running[simulation.key] = asyncio.create_task(self._work(simulation))
        return web.Response(text=simulation.key, status=202)

    async def status(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        status = self._status(key)
        if status is None:
            return problem(404, f"no simulation {key!r}")
        return web.json_response(status)

    async def close(self, _: web.Application) -> None:
        """Stop what is still being played."""
        tasks = [*self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, simulation: Simulation) -> None:
        try:
            async with self._places:
                episode = await simulation.run()
            self._stage.store.add(episode)
            if episode.error is not None:
                _LOG.warning("simulation %s failed: %s", simulation.key, episode.error)
        except SotopiaError as error:
            _LOG.warning("simulation %s failed: %s", simulation.key, error)
        finally:
            del self._running[simulation.key]

    def _status(self, key: str) -> Status | None:
        if key in self._running:
            return "Started"
        for episode in self._stage.store.get_many([key]):
            return "Completed" if _is_judged(episode) else "Error"
        return "Error" if key in self._begun else None


def _is_judged(episode: Episode) -> bool:
    """Whether there are scores; who waits for them must not take their absence for a score."""
    return episode.status == "ok" and any(map(episode.scores, episode.seats))
