"""The published WebSocket protocol: a client starts an episode and is shown every turn of it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Literal, TypeAlias

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from ..episode import Episode
from ..errors import FormatError, SotopiaError, one_of
from ..formats import write_episode_log
from ..formats.reading import JsonObject, checked, json_text, read_object
from .simulations import Simulation, SimulationRequest, Stage

MessageType: TypeAlias = Literal[
    "SERVER_MSG", "CLIENT_MSG", "ERROR", "START_SIM", "END_SIM", "FINISH_SIM"
]
MESSAGE_TYPES: Final = ("SERVER_MSG", "CLIENT_MSG", "ERROR", "START_SIM", "END_SIM", "FINISH_SIM")
ErrorType: TypeAlias = Literal["SIMULATION_ALREADY_STARTED", "SIMULATION_ISSUE", "INVALID_MESSAGE"]
"""Those of the published types that there is a use for."""

TAG: Final = "test"
"""Of every episode played over a socket."""
_HEARTBEAT_SECONDS: Final = 30.0
"""How often a client is asked whether it is still there; one that does not answer has gone."""
_CLOSING_SECONDS: Final = 2.0
"""Time a client is given to agree to a close."""


class Sockets:
    """The open sockets of one application; a token belongs to one of them at a time."""

    def __init__(self, stage: Stage, *, most_bytes: int) -> None:
        self._stage, self._most_bytes = stage, most_bytes
        self._active: dict[str, web.WebSocketResponse] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/ws/simulation", self.serve)]

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            max_msg_size=self._most_bytes,
            heartbeat=_HEARTBEAT_SECONDS,
            timeout=_CLOSING_SECONDS,
        )
        await socket.prepare(request)
        token = request.query.get("token", "")
        if not token or token in self._active:
            reason = b"Token is active already" if token else b"Invalid token"
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=reason)
            return socket
        self._active[token] = socket
        try:
            await _Session(self._stage, socket).run()
        finally:
            del self._active[token]
        return socket

    async def close(self, _: web.Application) -> None:
        """Tell all clients that the server ends."""
        sockets = [*self._active.values()]
        await asyncio.gather(*(one.close(code=WSCloseCode.GOING_AWAY) for one in sockets))


class _Session:
    """One client: one episode at a time, as many as it likes."""

    def __init__(self, stage: Stage, socket: web.WebSocketResponse) -> None:
        self._stage, self._socket = stage, socket
        self._player: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Answer until the client has gone; a programming error in an episode ends the session."""
        async with asyncio.TaskGroup() as group:
            async for message in self._socket:
                try:
                    await self._on(message, group)
                except FormatError as error:
                    await self._error("INVALID_MESSAGE", str(error))
            await self._stop()

    async def _on(self, message: WSMessage, group: asyncio.TaskGroup) -> None:
        if message.type is WSMsgType.BINARY:
            raise FormatError("the message is binary; send JSON as text")
        if message.type is not WSMsgType.TEXT:
            return
        content = read_object(message.data, "the message")
        kind = one_of(MESSAGE_TYPES, str(content.get("type")), "message type", FormatError)
        if kind == "START_SIM" and self._player is not None:
            await self._error("SIMULATION_ALREADY_STARTED", "send FINISH_SIM first")
        elif kind == "START_SIM":
            await self._start(content.get("data"), group)
        elif kind == "FINISH_SIM":
            await self._stop()

    async def _start(self, data: Any, group: asyncio.TaskGroup) -> None:
        request = checked(SimulationRequest, read_object(data, "START_SIM"), "START_SIM")
        try:
            simulation = self._stage.prepare(request, TAG)
        except SotopiaError as error:
            await self._error("SIMULATION_ISSUE", str(error))
        else:
            self._player = group.create_task(self._play(simulation))
            await asyncio.sleep(0)  # one that is stopped before it begins would not end properly

    async def _stop(self) -> None:
        """End the episode after the message that is being sent."""
        if self._player is not None:
            self._player.cancel()
            await asyncio.wait([self._player])

    async def _play(self, simulation: Simulation) -> None:
        try:
            await self._show(simulation.first)
            episode = await simulation.run(self._show)
            if episode.error is not None:
                await self._error("SIMULATION_ISSUE", episode.error)
                return
            await self._show(episode, is_judged=True)
            for evaluation in episode.evaluations:
                if evaluation.unscored is not None:
                    await self._error("SIMULATION_ISSUE", f"not scored: {evaluation.unscored}")
        except SotopiaError as error:
            await self._error("SIMULATION_ISSUE", str(error))
        finally:
            self._player = None  # before the client learns that it may start another
            await self._send("END_SIM", {})

    async def _show(self, episode: Episode, *, is_judged: bool = False) -> None:
        log = write_episode_log(episode)
        if is_judged:
            log["messages"] += _evaluation_turns(log)
        await self._send("SERVER_MSG", {"type": "messages", "messages": log})
        await asyncio.sleep(0)  # scripted agents never wait, and FINISH_SIM has to get in

    async def _error(self, kind: ErrorType, details: str) -> None:
        await self._send("ERROR", {"type": kind, "details": details})

    async def _send(self, kind: MessageType, data: Mapping[str, Any]) -> None:
        with suppress(ConnectionError):  # `run` sees that the client has gone
            await self._socket.send_str(json_text({"type": kind, "data": data}))


def _evaluation_turns(log: JsonObject) -> list[list[list[str]]]:
    """The two turns with which the last log ends; the rewards are JSON, and a Python literal."""
    return [
        [["Evaluation", "Rewards", json_text(log["rewards"])]],
        [["Evaluation", "Reasoning", log["reasoning"]]],
    ]
