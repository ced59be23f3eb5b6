"""`python -m sotopia_env.serve`: the HTTP routes and the WebSocket of Sotopia, for this machine.

See `docs/server.md`. It serves until it is interrupted; the store keeps everything, so that no run
folder is left.
"""

import asyncio
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .command import OK, command
from .errors import ConfigurationError
from .run_folder import Run
from .store import SqliteStore, default_path

LOOPBACK: Final = "127.0.0.1"


@dataclass(slots=True, kw_only=True)
class StoreSettings:
    """Which store."""

    path: str | None = None


@dataclass(slots=True, kw_only=True)
class Settings:
    """See `hydra_conf/sotopia_env/serve.yaml`."""

    host: str = LOOPBACK
    port: int = 8800
    store: StoreSettings = field(default_factory=StoreSettings)
    seed: int = 0
    """Nothing is drawn from it; every command has one."""
    fresh: bool = False


def main(settings: Settings, run: Run) -> int:
    """Check, bind, serve until interrupted."""
    from .server import make_app, serve  # and with it aiohttp

    if settings.host != LOOPBACK:
        raise ConfigurationError(
            f"host={settings.host} is refused: tokens are not there yet, so that whoever reaches "
            f"the server may do everything; leave it at {LOOPBACK}"
        )
    path = default_path() if settings.store.path is None else Path(settings.store.path)
    with _bound(settings.port) as listening, SqliteStore(path) as store:
        host, port = listening.getsockname()
        greeting = f"serving {path} at http://{host}:{port}; Ctrl-C ends it"
        asyncio.run(serve(make_app(store), listening, lambda: run.say(greeting)))
    return OK


def _bound(port: int) -> socket.socket:
    """A socket that listens on a port of this machine; 0 is any free one.

    Raises:
        ConfigurationError: if there is no such port, or somebody else has it.
    """
    if not 0 <= port < 2**16:
        raise ConfigurationError(f"port must be from 0 to 65535, got {port}")
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise ConfigurationError(
            f"port={port} cannot be had: {error.strerror}; choose another"
        ) from error


if __name__ == "__main__":
    command("sotopia_env", "serve", Settings, main)
