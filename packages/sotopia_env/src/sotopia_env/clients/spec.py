"""From a model's name to its client: `openai/gpt-4o`, `custom/<model>@<url>`."""

import os
from typing import Final

from ..errors import ConfigurationError
from .openai_compatible import OpenAICompatibleClient
from .protocol import ModelClient

_BASE_URLS: Final = {
    "openai": "https://api.openai.com/v1",
    "together_ai": "https://api.together.xyz/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "vllm": "http://localhost:8000/v1",
}
"""Of providers that need no `<PROVIDER>_BASE_URL`."""
_KEYLESS: Final = ("custom", "vllm")
_NO_MODEL: Final = "{!r} names no model; write <provider>/<model> or custom/<model>@<url>"


def is_model(spec: str) -> bool:
    """Whether a spec has the form of a model's name, `<provider>/<model>`."""
    provider, slash, model = spec.partition("/")
    return bool(slash and model) and provider.replace("_", "").isalnum()


def client_for(spec: str) -> tuple[ModelClient, str]:
    """The client for `<provider>/<model>` and the name by which its server knows the model.

    The provider's key and address are `<PROVIDER>_API_KEY` and `<PROVIDER>_BASE_URL`; well-known
    providers need no address, servers of one's own no key. A `custom` model may bring its address
    along, which then counts, in `custom/<model>@<url>`.

    Raises:
        ConfigurationError: when the name, the key or the address is missing.
    """
    provider, _, model = spec.partition("/")
    if not is_model(spec):
        raise ConfigurationError(_NO_MODEL.format(spec))
    variable = provider.upper()
    key = os.environ.get(f"{variable}_API_KEY")
    base = os.environ.get(f"{variable}_BASE_URL") or _BASE_URLS.get(provider)
    if provider == "custom" and "@" in model:
        model, _, address = model.rpartition("@")
        base = address or base
    if not model:
        raise ConfigurationError(_NO_MODEL.format(spec))
    if base is None and provider == "custom":
        raise ConfigurationError(
            f"{spec!r} has no address; write custom/<model>@<url>, or set CUSTOM_BASE_URL"
        )
    if base is None:
        raise ConfigurationError(
            f"{spec!r}: no address is known for {provider}; set {variable}_BASE_URL"
        )
    if key is None and provider not in _KEYLESS:
        raise ConfigurationError(f"{spec!r} needs a key: set {variable}_API_KEY")
    return OpenAICompatibleClient(base, key), model
