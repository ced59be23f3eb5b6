"""Where episodes and profiles are kept."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .protocol import EpisodeStore
from .sqlite import SqliteStore

VARIABLE: Final = "SOTOPIA_STORE"
"""Environment variable that names another file than the default."""
DEFAULT_PATH: Final = Path("outputs/store.sqlite")
"""Where imported profiles are kept, below the present folder."""

__all__ = [
    "DEFAULT_PATH",
    "VARIABLE",
    "EpisodeStore",
    "SqliteStore",
    "default_path",
    "default_store",
]


def default_path() -> Path:
    """The file of the default store, whether or not it exists."""
    return Path(os.environ.get(VARIABLE, DEFAULT_PATH))


@contextmanager
def default_store() -> Iterator[SqliteStore | None]:
    """The default store, or `None` where nothing has ever been put into it."""
    if not default_path().exists():
        yield None
        return
    with SqliteStore(default_path()) as store:
        yield store
