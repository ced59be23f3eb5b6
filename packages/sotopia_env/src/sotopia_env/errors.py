"""The exceptions callers may meet, one a boundary, all under `SotopiaError`.

What a policy says never raises; these are for mistakes of the caller and for failed work.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

_Name = TypeVar("_Name", bound=str)


class SotopiaError(Exception):
    """Anything this project raises on purpose."""


class ConfigurationError(SotopiaError):
    """A setting, name or path that cannot work; nothing has been started."""


class ScenarioError(ConfigurationError):
    """A scenario that is unknown, unreadable or does not fit its game."""


class AgentError(ConfigurationError):
    """An agent spec that names nobody, or an agent put where it cannot act."""


class ActionError(SotopiaError):
    """The caller of `step` passed actions for the wrong seats or of the wrong kind."""


class ModelError(SotopiaError):
    """A language model that could not be reached, or gave no usable reply."""


class Unscored(SotopiaError):  # noqa: N818  # a state, and the word for it everywhere
    """A reward was asked for where there is none; it is never replaced by a number."""


class SamplingError(ConfigurationError):
    """Constraints nobody satisfies, or more settings asked for than there are."""


class FormatError(SotopiaError, ValueError):
    """A published file or message that cannot be read, or an object it has no form for."""


class StoreError(SotopiaError):
    """A store that cannot be read or written."""


class StoreUnavailable(StoreError, ConfigurationError):  # noqa: N818  # what is the matter with it
    """A path at which no store can be opened: nothing can be made there, or it is none of ours."""


class NotFoundError(StoreError):
    """Nothing of this kind and id is in the store."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """The message for a name that is not registered: what was asked, what exists, the nearest."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {name!r}.{hint} Known: {', '.join(names) or 'none'}."


def one_of(
    known: Iterable[_Name], name: str, kind: str, error: type[SotopiaError] = ConfigurationError
) -> _Name:
    """The one of `known` that is called `name`; `kind` says in the message what was asked for.

    Raises:
        error: if there is none, with those that exist.
    """
    names = tuple(known)
    for candidate in names:
        if candidate == name:
            return candidate
    raise error(unknown_name(kind, name, names))
