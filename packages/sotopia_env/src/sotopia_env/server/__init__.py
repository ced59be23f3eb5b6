"""The published HTTP routes and WebSocket protocol of Sotopia, on aiohttp. See `docs/server.md`."""

from .app import make_app, serve

__all__ = ["make_app", "serve"]
