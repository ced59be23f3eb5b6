"""Authored markup in scenarios, goals and profiles: which part of a text which seat may read.

`<p viewer='agent_0'>...</p>` limits a part to one seat, and `viewer='environment'` keeps it from
all of them, for judges; `<extra_info>`, `<clarification_hint>` and
`<strategy_hint>` are shown to whoever may read the text they stand in; what stands in any other
element is shown to nobody. Comments are dropped. What looks like such an element and is none, as a
`viewer` without quotes, is refused: shown as it stands it would tell everybody what it hides. What
agents say never passes through here.
"""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from .errors import ScenarioError

RENDERED_TAGS: Final = ("extra_info", "clarification_hint", "strategy_hint")
"""Elements whose text is shown, beside `root` and `p`."""

_FRAMES: Final = ("root", "p")
_KNOWN: Final = (*_FRAMES, *RENDERED_TAGS)
_TAG: Final = re.compile(
    r"<(/?)([A-Za-z_][\w.-]*)((?:\s+[A-Za-z_][\w.:-]*\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*)\s*(/?)>"
)
_ATTRIBUTE: Final = re.compile(r"\s([A-Za-z_][\w.:-]*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_DROPPED: Final = re.compile(r"<!--.*?-->|<\?[A-Za-z].*?\?>", re.DOTALL)
_NEARLY: Final = re.compile(
    rf"<(?:\s*/?\s*(?:{'|'.join(_KNOWN)})(?![\w.-])"
    r"|[^<>]*viewer|/\s*[A-Za-z_]|[A-Za-z_][\w.-]*\s+[\w.:-]+\s*=|!--|!\[|!DOCTYPE|!ENTITY|\?xml)",
    re.IGNORECASE,
)
"""What nobody writes who does not mean markup."""
_SEAT: Final = re.compile(r"agent_\d{1,4}")
_NO_SEATS: Final = ("environment", "human")
_ENTITY: Final = re.compile(r"&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});")


@dataclass(frozen=True, slots=True)
class Element:
    """A node of the authored text; the outermost one is called `root`."""

    tag: str
    viewer: str | None = None
    """`agent_<i>`, where only that seat may read it; `environment` or `human`, where none may."""
    children: "tuple[Node, ...]" = ()


Node: TypeAlias = Element | str


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an authored text and who may read it."""

    text: str
    owners: frozenset[int] | None = None
    """Seats that may read it; `None` is everybody, an empty set nobody."""
    is_for_judges: bool = False
    """Whether its author keeps it from every seat."""

    def is_for(self, seat: int) -> bool:
        return self.owners is None or seat in self.owners


def parse(text: str) -> Element:
    """Read an authored text; what is no markup is plain text.

    An element that is never closed ends where its parent does, and the end of an unknown element
    that closes nothing is dropped, as in the recovery mode of the published parser.

    Raises:
        ScenarioError: for a `viewer` that is nobody, and for what is nearly markup.
    """
    if "<" not in text and "&" not in text:
        return Element("root", None, (text,) if text else ())
    text = _DROPPED.sub("", text)
    open_tags: list[tuple[str, str | None, list[Node]]] = [("", None, [])]
    at = 0
    for found in _TAG.finditer(text):
        _append(open_tags[-1][2], text[at : found.start()])
        at = found.end()
        closing, tag, attributes, empty = found.groups()
        if closing:
            if any(tag == name for name, _, _ in open_tags[1:]):
                while _close(open_tags) != tag:
                    pass
            elif tag in _KNOWN or attributes:
                raise ScenarioError(f"{found[0]} closes nothing: {text:.80}")
            continue
        viewer = _viewer_of(tag, attributes, text)
        if empty and viewer is not None:
            raise ScenarioError(f"{found[0]} ends at once, and limits nothing: {text:.80}")
        open_tags.append((tag, viewer, []))
        if empty:
            _close(open_tags)
    _append(open_tags[-1][2], text[at:])
    while len(open_tags) > 1:
        _close(open_tags)
    nodes = open_tags[0][2]
    whole = [node for node in nodes if not (isinstance(node, str) and not node.strip())]
    if len(whole) == 1 and isinstance(whole[0], Element):
        return whole[0]
    return Element("root", None, tuple(nodes))


def _append(nodes: list[Node], text: str) -> None:
    found = _NEARLY.search(text) if "<" in text else None
    if found is not None:
        raise ScenarioError(
            f"{text[found.start() :]:.40} is no markup that can be read; write "
            "<p viewer='agent_0'>...</p>, or &lt; for a < that is text"
        )
    if text:
        nodes.append(_ENTITY.sub(lambda found: html.unescape(found.group()), text))


def _close(open_tags: list[tuple[str, str | None, list[Node]]]) -> str:
    tag, viewer, children = open_tags.pop()
    open_tags[-1][2].append(Element(tag, viewer, tuple(children)))
    return tag


def _viewer_of(tag: str, attributes: str, text: str) -> str | None:
    found: dict[str, str] = {
        name: quoted or single for name, quoted, single in _ATTRIBUTE.findall(attributes)
    }
    unknown = [name for name in found if name != "viewer"]
    if tag not in _KNOWN and tag.lower() in _KNOWN:
        raise ScenarioError(f"<{tag}> is written <{tag.lower()}>: {text:.80}")
    if unknown and (tag in _KNOWN or unknown[0].lower() == "viewer"):
        raise ScenarioError(f"<{tag}> has no {unknown[0]!r}, only viewer='agent_0': {text:.80}")
    if attributes.count("viewer") > 1:
        raise ScenarioError(f"<{tag}> has more than one viewer: {text:.80}")
    if "viewer" not in found:
        return None
    viewer = found["viewer"]
    if _SEAT.fullmatch(viewer) is None and viewer not in _NO_SEATS:
        raise ScenarioError(
            f"viewer {viewer!r} is no seat; write agent_0, agent_1, ...: {text:.80}"
        )
    return viewer


def passages(text: str, tags: Sequence[str] = RENDERED_TAGS) -> tuple[Passage, ...]:
    """The pieces of an authored text in order, each with the seats that may read it.

    `tags` are the elements that are shown, beside `root` and `p`.

    Raises:
        ScenarioError: as `parse` does.
    """
    if "<" not in text and "&" not in text:
        return (Passage(text),) if text else ()
    pieces: list[Passage] = []
    _collect(parse(text), Passage("", None), (*_FRAMES, *tags), pieces)
    return tuple(pieces)


def _collect(element: Element, around: Passage, tags: Sequence[str], pieces: list[Passage]) -> None:
    """Add the pieces of an element; `around` says who may read the text it stands in."""
    owners, is_for_judges = around.owners, around.is_for_judges
    if element.viewer in _NO_SEATS:
        owners, is_for_judges = frozenset(), True
    elif element.viewer is not None:
        seat = frozenset([int(element.viewer.removeprefix("agent_"))])
        owners = seat if owners is None else owners & seat
    if element.tag not in tags:
        owners = frozenset()
    for child in element.children:
        text = child if isinstance(child, str) else ""
        piece = Passage(text, owners, is_for_judges)
        if isinstance(child, str):
            pieces.append(piece)
        else:
            _collect(child, piece, tags, pieces)


def render(text: str, seat: int | None, tags: Sequence[str] = RENDERED_TAGS) -> str:
    """An authored text as `seat` may read it; `None` is the environment, which reads everything."""
    pieces = passages(text, tags)
    return "".join(piece.text for piece in pieces if seat is None or piece.is_for(seat))


def write(element: Element) -> str:
    """The authored form of a tree; `parse` reads it back."""
    inside = "".join(
        html.escape(child, quote=False) if isinstance(child, str) else write(child)
        for child in element.children
    )
    viewer = "" if element.viewer is None else f" viewer='{element.viewer}'"
    return f"<{element.tag}{viewer}>{inside}</{element.tag}>"


def rewrite(text: str, change: Callable[[str, Passage], str]) -> str:
    """The authored text with every piece of it changed; markup and who may read what stay.

    `change(words, passage)` gives the new words of a piece.
    """
    pieces = iter(passages(text))
    if "<" not in text and "&" not in text:
        return "".join(change(piece.text, piece) for piece in pieces)

    def changed(element: Element) -> Element:
        nodes = tuple(
            change(child, next(pieces)) if isinstance(child, str) else changed(child)
            for child in element.children
        )
        return replace(element, children=nodes)

    return write(changed(parse(text)))
