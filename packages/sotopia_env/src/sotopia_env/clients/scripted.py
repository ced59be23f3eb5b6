"""A client that answers from a script: for tests, examples and offline runs."""

from collections.abc import Callable, Iterable, Iterator

from ..errors import ModelError
from .protocol import ModelReply, ModelRequest


class ScriptedClient:
    """Answers with the given texts in order, or with what a function makes of the request.

    Requests are kept in `requests`.

    >>> client = ScriptedClient(["Good morning."])
    """

    def __init__(self, replies: Iterable[str] | Callable[[ModelRequest], str]) -> None:
        self.requests: list[ModelRequest] = []
        self._answer = replies if callable(replies) else None
        self._texts: Iterator[str] = iter(()) if callable(replies) else iter(replies)

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        if self._answer is not None:
            return ModelReply(text=self._answer(request))
        for text in self._texts:
            return ModelReply(text=text)
        raise ModelError(f"the script has no reply number {len(self.requests)}")

    async def close(self) -> None:
        """Nothing is held open."""
