"""Published files from elsewhere: a data set of the Hugging Face hub, the benchmark's list."""

from pathlib import Path
from typing import Final

from ..errors import ConfigurationError, FormatError
from ..profiles import Pairing
from .record_files import read_settings

HUB: Final = "hub:"
SECONDS: Final = 60.0
"""Time an address is given to answer."""


def hub_folder(dataset: str) -> Path:
    """The JSONL files of a data set of the hub, in a folder of the hub's own cache.

    Raises:
        ConfigurationError: without the package of the hub, or when the data set cannot be had.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as error:
        raise ConfigurationError(
            f"{HUB}{dataset} needs huggingface_hub: pip install 'sotopia-env[hub]'"
        ) from error
    try:
        folder = snapshot_download(dataset, repo_type="dataset", allow_patterns=["*.jsonl"])
    except (HfHubHTTPError, OSError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ConfigurationError(
            f"{HUB}{dataset} cannot be had: {first}; check the name and the connection"
        ) from error
    return Path(folder)


async def fetch_settings(url: str) -> list[Pairing]:
    """The benchmark's document at an address.

    Raises:
        FormatError: if the answer is no such document.
        ConfigurationError: if nobody answers.
    """
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
            session.get(url) as response,
        ):
            text = await response.text()
            status = response.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ConfigurationError(
            f"{url} does not answer: {type(error).__name__}: {error}"
        ) from error
    if status != 200:
        raise FormatError(f"{url}: status {status} is no list of settings; check the address")
    return read_settings(text, url)
