"""What a client of a language model is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..episode import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One question to a chat model. What is `None` is left to the server."""

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    max_tokens: int | None = None
    """Of the reply."""
    seed: int | None = None
    schema: Mapping[str, Any] | None = None
    """JSON schema the reply has to follow."""
    schema_name: str = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """What the model answered. Token counts are `None` where the server does not say."""

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class ModelClient(Protocol):
    """Asks one server. A client belongs to the event loop it was first used in."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The model's reply.

        Raises:
            ModelError: when none could be had.
        """

    async def close(self) -> None:
        """Let go of connections."""
