"""What a store of episodes and profiles is."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol, TypeVar

from pydantic import BaseModel

from ..episode import Episode

R = TypeVar("R", bound=BaseModel)

ID_FIELDS: Final = {
    "AgentProfile": "agent_id",
    "EnvironmentProfile": "scenario_id",
    "RelationshipProfile": "relationship_id",
    "Pairing": "pairing_id",
    "ScenarioList": "list_id",
    "CustomDimension": "dimension_id",
    "CustomDimensionList": "list_id",
}
"""Kinds of records a store keeps beside episodes, and the field that identifies each."""


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

    def delete_episode(self, key: str) -> bool:
        """Whether it was here."""

    def __len__(self) -> int:
        """How many episodes there are."""

    def save(self, *records: BaseModel) -> list[str]:
        """Keep profiles, pairings and lists, all or none; returns their ids."""

    def get(self, kind: type[R], identity: str) -> R:
        """The record of a kind with this id.

        Raises:
            NotFoundError: if it is not here.
        """

    def find(self, kind: type[R], **fields: Any) -> list[R]:
        """Records of a kind whose fields have these values."""

    def delete(self, kind: type[BaseModel], identity: str) -> bool:
        """Whether it was here."""

    def close(self) -> None:
        """Let go of files and connections."""
