"""A language model in a seat."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..actions import NO_ACTION, ActionLike
from ..clients import ModelClient, ModelRequest, client_for
from ..errors import AgentError, one_of
from ..prompts import (
    ACTION_SCHEMA,
    PROMPT_STYLES,
    SOTOPIA_TEMPLATE,
    Conversation,
    PromptStyle,
    checked_template,
    read_reply,
)

_OPTIONS: Final = ("temperature", "max_tokens", "prompt", "template")


class LanguageModelAgent:
    """Asks a chat model what to do; where nothing but `none` is possible it asks nobody.

    Args:
        seat: whose mind it is.
        seed: sent with every request, together with the seat.
        client: who is asked.
        model: its name for the model.
        style: how it is asked; see `prompts.py`.
        template: of the `sotopia` style.
        temperature: as the server reads it; `None` leaves it to the server.
        max_tokens: of a reply.
    """

    is_privileged = False

    def __init__(
        self,
        seat: str,
        seed: int,
        client: ModelClient,
        model: str,
        *,
        style: PromptStyle = "chat",
        template: str = SOTOPIA_TEMPLATE,
        temperature: float | None = 0.7,
        max_tokens: int | None = None,
    ) -> None:
        self.conversation = Conversation(seat, style, template)
        self._client, self._model = client, model
        self._temperature, self._max_tokens = temperature, max_tokens
        self._seed = zlib.crc32(f"{seat} {seed}".encode())

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        talk = self.conversation
        talk.observe(observation, info)
        if not observation["actions"][1:].any():
            return NO_ACTION
        reply = await self._client.complete(
            ModelRequest(
                model=self._model,
                messages=talk.prompt(),
                temperature=self._temperature,
                max_tokens=self._max_tokens,
                seed=self._seed,
                schema=ACTION_SCHEMA if talk.style == "sotopia" else None,
                schema_name="action",
            )
        )
        talk.reply(observation["turn"], reply.text)
        return read_reply(reply.text)


@dataclass(slots=True, kw_only=True)
class ModelAgents:
    """Makes agents of one model, which share its client; `close` lets go of its connections."""

    client: ModelClient
    model: str
    style: PromptStyle
    template: str
    temperature: float | None
    max_tokens: int | None

    def __call__(self, seat: str, seed: int) -> LanguageModelAgent:
        return LanguageModelAgent(
            seat,
            seed,
            self.client,
            self.model,
            style=self.style,
            template=self.template,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
        )

    async def close(self) -> None:
        await self.client.close()


def build(spec: str, options: Mapping[str, str], style: PromptStyle) -> ModelAgents:
    """Factory of `<provider>/<model>` agents.

    Options: `temperature`, `max_tokens`, `prompt` (a style), `template` (a file for the `sotopia`
    style).

    Raises:
        ConfigurationError: for an unknown model or option, or a template that cannot be used.
    """
    for name in options:
        one_of(_OPTIONS, name, "option of a language model", AgentError)
    client, model = client_for(spec)
    try:
        temperature = float(options.get("temperature", "0.7"))
        max_tokens = int(options["max_tokens"]) if "max_tokens" in options else None
    except ValueError as error:
        raise AgentError(f"{spec}: temperature and max_tokens are numbers: {error}") from error
    template = SOTOPIA_TEMPLATE
    if "template" in options:
        template, style = _template(options["template"]), "sotopia"
    return ModelAgents(
        client=client,
        model=model,
        style=one_of(PROMPT_STYLES, options.get("prompt", style), "prompt style", AgentError),
        template=template,
        temperature=temperature,
        max_tokens=max_tokens,
    )


def _template(path: str) -> str:
    try:
        return checked_template(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise AgentError(f"cannot read the template {path}: {error}") from error
