"""Where episodes are kept."""

from .protocol import EpisodeStore
from .sqlite import SqliteStore

__all__ = ["EpisodeStore", "SqliteStore"]
