"""The application: every route, and who may ask at all.

Whatever it stands on is handed in, so that several applications can live in one process.
"""

import asyncio
import re
import socket
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from ..agents import agent_factory
from ..errors import StoreError
from ..store import EpisodeStore
from .jobs import Jobs
from .problems import problem, problems
from .records import Records
from .simulations import AgentMaker, JudgeMaker, Stage, model_judge
from .socket import Sockets

MOST_BYTES: Final = 2**20
"""Of a body, and of a message on a socket."""
MODELS: Final = ("gpt-4o-mini", "gpt-4o", "gpt-3.5-turbo")
"""As published: suggestions, of which nobody has asked the provider."""

_GRACE_SECONDS: Final = 2.0
"""Time that requests are given to end when the server does."""
_LOOPBACK: Final = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.IGNORECASE)


def make_app(
    store: EpisodeStore,
    *,
    agents: AgentMaker = agent_factory,
    judge: JudgeMaker = model_judge,
) -> web.Application:
    """The server of a store.

    Args:
        store: read and written in the thread of the event loop; whoever opened it closes it.
        agents: makes the factory of an agent from its spec.
        judge: makes the judge of an episode from a model and the dimensions it is to score.
    """
    stage = Stage(store=store, agents=agents, judge=judge)
    jobs, sockets = Jobs(stage), Sockets(stage, most_bytes=MOST_BYTES)
    slashless = web.normalize_path_middleware(
        append_slash=False, remove_slash=True, merge_slashes=False
    )
    app = web.Application(client_max_size=MOST_BYTES, middlewares=[problems, local_only, slashless])

    async def health(_: web.Request) -> web.Response:
        return web.json_response(_health(store))

    app.add_routes([web.get("/health", health), web.get("/models", _models)])
    app.add_routes([*Records(store).routes(), *jobs.routes(), *sockets.routes()])
    app.on_shutdown.append(sockets.close)
    app.on_cleanup.append(jobs.close)
    return app


async def serve(
    app: web.Application, listening: socket.socket, on_ready: Callable[[], None]
) -> None:
    """Serve on a socket that listens already, until cancelled; then tell the clients and end."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        on_ready()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


@web.middleware
async def local_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what does not come from this machine by name, and what another site's page sends.

    A page of another site may make a browser ask for 127.0.0.1, directly or by a host name that
    it lets point there; the headers give both away.
    """
    hosts = request.headers.getall(hdrs.HOST, [])
    if len(hosts) != 1 or not _LOOPBACK.fullmatch(hosts[0]):
        return problem(403, "only requests to localhost or 127.0.0.1 are answered")
    for origin in request.headers.getall(hdrs.ORIGIN, []):
        if origin.lower() != f"{request.scheme}://{hosts[0]}".lower():
            return problem(403, "requests of other sites' pages are not answered")
    return await handler(request)


async def _models(_: web.Request) -> web.Response:
    return web.json_response(MODELS)


def _health(store: EpisodeStore) -> dict[str, object]:
    try:
        count = len(store)
    except StoreError as error:
        told = {"database": f"error: {error}"}
        return {"status": "degraded", "message": "the store cannot be read", "components": told}
    told = {"database": "connected", "redis": "not used"}
    return {"status": "ok", "message": f"{count} episodes", "components": told}
