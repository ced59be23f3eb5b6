"""What a store of episodes is."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..episode import Episode


class EpisodeStore(Protocol):
    """Keeps episodes by key. A write that returned survives the death of the process."""

    def add(self, episode: Episode) -> None:
        """Keep an episode; one with the same key is replaced.

        Raises:
            StoreError: when it cannot be written.
        """

    def get_many(self, keys: Sequence[str]) -> list[Episode]:
        """Those of the episodes that are here, in no particular order."""

    def count_done(self, keys: Sequence[str]) -> int:
        """How many of the episodes are here in status `ok`."""

    def episodes(self, tag: str | None = None) -> Iterator[Episode]:
        """All episodes, or those of one tag, in the order of their writing."""

    def __len__(self) -> int:
        """How many episodes there are."""

    def close(self) -> None:
        """Let go of files and connections."""
