"""A thin client of any server with the chat interface of OpenAI: one attempt, one timeout.

No retries, limits or caches.
"""

import json
from typing import Any, Final

from ..errors import ModelError
from .protocol import ModelReply, ModelRequest

_QUOTED: Final = 300
"""Characters of a server's answer that an error message repeats."""


class OpenAICompatibleClient:
    """Posts to `<base_url>/chat/completions`.

    Args:
        base_url: for example `http://localhost:8000/v1`.
        key: sent as bearer token; `None` sends none. Never shown.
        timeout_seconds: for a whole request.
    """

    def __init__(
        self, base_url: str, key: str | None = None, *, timeout_seconds: float = 120.0
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._key, self._timeout = key, timeout_seconds
        self._session: Any = None

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The model's reply.

        Raises:
            ModelError: when the server cannot be reached, refuses, or answers what is no reply.
        """
        import aiohttp

        if self._session is None:
            headers = {} if self._key is None else {"Authorization": f"Bearer {self._key}"}
            timeout = aiohttp.ClientTimeout(total=self._timeout)
            self._session = aiohttp.ClientSession(headers=headers, timeout=timeout)
        url = f"{self.base_url}/chat/completions"
        try:
            async with self._session.post(url, json=_body(request)) as response:
                text = await response.text()
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ModelError(
                f"{request.model} at {self.base_url}: {type(error).__name__}: {error}"
            ) from error
        if status != 200:
            raise ModelError(f"{request.model} at {self.base_url}: {status} {text[:_QUOTED]}")
        return _reply(request, text)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _body(request: ModelRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [m.model_dump() for m in request.messages],
    }
    for name in ("temperature", "max_tokens", "seed"):
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    if request.schema is not None:
        form = {"name": request.schema_name, "schema": dict(request.schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return body


def _reply(request: ModelRequest, text: str) -> ModelReply:
    try:
        answer = json.loads(text)
        content = answer["choices"][0]["message"]["content"]
        usage = answer.get("usage") or {}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(f"{request.model} answered no completion: {text[:_QUOTED]}") from error
    if not isinstance(content, str):
        raise ModelError(f"{request.model} answered without text: {text[:_QUOTED]}")
    return ModelReply(
        text=content,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
    )
