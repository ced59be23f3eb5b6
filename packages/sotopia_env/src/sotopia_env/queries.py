"""Options behind a name: `scripted:linear?beta=2`, `price_negotiation?difficulty=hard&deadline=8`.

On a Hydra command line `=` and `&` would need quotes inside a list, so `:` and `+` mean the same:
`agents=[scripted:linear?beta:2+floor:0.1,scripted:boulware]`.
"""

import re
from typing import Final

from .errors import ConfigurationError

_SEPARATORS: Final = re.compile(r"[&+]")
_ASSIGNMENT: Final = re.compile(r"[=:]")


def split_query(text: str) -> tuple[str, dict[str, str]]:
    """The name and its options; an option without a value has an empty one.

    Raises:
        ConfigurationError: if an option is given twice.
    """
    name, _, query = text.partition("?")
    options: dict[str, str] = {}
    for item in filter(None, _SEPARATORS.split(query)):
        key, *value = _ASSIGNMENT.split(item, maxsplit=1)
        if key in options:
            raise ConfigurationError(f"{text!r} gives {key} twice")
        options[key] = value[0] if value else ""
    return name, options
