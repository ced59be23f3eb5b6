"""One string names who acts: `scripted:boulware`, `policy:<folder>`, with options after `?`.

The part before the colon is looked up in the entry-point group `sotopia.agents`; each entry is a
function `build(argument, options) -> AgentFactory`, options being the `key=value` pairs after `?`
and the prompt style.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Final, TypeAlias

from ..errors import AgentError, unknown_name
from ..prompts import PromptStyle
from ..queries import split_query
from .protocol import AgentFactory
from .scripted import build as build_scripted

GROUP: Final = "sotopia.agents"

Builder: TypeAlias = Callable[[str, Mapping[str, str], PromptStyle], AgentFactory]

_PACKAGES: Final = {"policy": "sotopia-trainers", "world_model": "sotopia-tom"}


def agent_factory(spec: str, style: PromptStyle = "chat") -> AgentFactory:
    """The factory behind a spec; `style` is how its context is written.

    Raises:
        AgentError: when the spec names nobody, with those that exist.
    """
    kind, _, rest = spec.partition(":")
    argument, options = split_query(rest)
    return _builder(kind, spec)(argument, options, style)


def _builder(kind: str, spec: str) -> Builder:
    if kind == "scripted":
        return build_scripted
    points = {point.name: point for point in entry_points(group=GROUP)}
    if kind in points:
        builder: Builder = points[kind].load()
        return builder
    if kind in _PACKAGES:
        package = _PACKAGES[kind]
        raise AgentError(f"{spec!r} needs {package}, or a newer one: pip install -U {package}")
    raise AgentError(unknown_name("agent", spec, [f"{name}:..." for name in {*points, "scripted"}]))
