"""One string names who acts: `scripted:boulware`, `openai/gpt-4o`, `policy:<folder>`, `human`.

Options follow a `?`. A name with a slash before any colon is a model. Of all others the part before
the colon is looked up in the entry-point group `sotopia.agents`; each entry is a function
`build(argument, options, style) -> AgentFactory`.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Final, TypeAlias

from ..clients.spec import is_model
from ..errors import AgentError, unknown_name
from ..prompts import PromptStyle
from ..queries import split_query
from .human import build as build_human
from .language_model import build as build_model
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
    if spec == "human":
        return build_human(style)
    kind, _, rest = spec.partition(":")
    if is_model(kind):
        return build_model(*split_query(spec), style)
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
    known = [*(f"{name}:..." for name in {*points, "scripted"}), "human", "<provider>/<model>"]
    raise AgentError(unknown_name("agent", spec, known))
