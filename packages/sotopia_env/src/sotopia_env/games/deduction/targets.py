"""Moves that name somebody or something: `vote Bram`, `guess Space Station`.

A move is a line of its own: a keyword, then a name. Case and punctuation at the end do not matter,
and a first name does where only one is called so. Quoted text and code are put aside, as in
`moves.py`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from ...actions import MAX_CHARACTERS
from ...moves import FormalMove, Invalid, MoveGrammar, clean_text

Nameable: TypeAlias = Mapping[str, Sequence[str]]
"""The names that may follow each keyword."""

_ENDS: Final = " \t.,;:!?"
_FILLER: Final = re.compile(r"(?:for|the)\s+")
_MOST_WORDS: Final = 3
"""Of a name that nobody has; more words after a keyword are a sentence."""


class Move(NamedTuple):
    """A keyword and the full name of whom or what it is about."""

    keyword: str
    target: str


class NameGrammar(MoveGrammar):
    """The grammar of lines `keyword name`; which names there are is known to the game alone."""

    def __init__(self, *keywords: str) -> None:
        words = "|".join(keywords)
        self._line = re.compile(rf"\s*({words})(?:\s*:\s*|\s+)(\S.*)", re.IGNORECASE)
        self._keyword = re.compile(rf"(?<!\w)({words})(?!\w)", re.IGNORECASE)

    def find(self, text: str) -> FormalMove | Invalid | None:
        """The last line that begins with a keyword; its operand is not yet read."""
        lines = self._lines(text)
        return lines[-1][1] if lines else None

    def span(self, text: str) -> tuple[int, int] | None:
        lines = self._lines(text)
        if not lines:
            return None
        whole = text.split("\n")
        start = sum(len(line) + 1 for line in whole[: lines[-1][0]])
        return start, start + len(whole[lines[-1][0]])

    def is_whole(self, text: str) -> bool:
        return "\n" not in text.strip() and self.find(text) is not None

    def read(self, text: str, names: Nameable, *, is_lenient: bool) -> Move | Invalid | None:
        """The move in the last line that is one, or nearly one.

        `is_lenient` lets pass what only resembles a move, as where none can be made.
        """
        for _, found in reversed(self._lines(text)):
            read = self._line_read(found, names)
            if read is not None and not (is_lenient and isinstance(read, Invalid)):
                return read
        return None if is_lenient else self._near_miss(text, names)

    def _lines(self, text: str) -> list[tuple[int, FormalMove]]:
        """Every line that begins with a keyword, with its number from 0."""
        found = []
        for number, line in enumerate(clean_text(text[:MAX_CHARACTERS]).split("\n")):
            match = self._line.fullmatch(line)
            if match is not None:
                found.append((number, FormalMove(match[1].lower(), match[2].strip())))
        return found

    def _line_read(self, found: FormalMove, names: Nameable) -> Move | Invalid | None:
        keyword, operand = found
        known = names.get(keyword, ())
        target = resolve(operand, known)
        if isinstance(target, str):
            return Move(keyword, target)
        meant = set(self._meant(found, names))
        if len(meant) > 1:
            return Invalid("two different moves on one line")
        if meant:
            move = meant.pop()
            return Invalid(f"write `{move.keyword} {move.target}` alone on a line")
        return None if len(operand.split()) > _MOST_WORDS else target

    def _meant(self, found: FormalMove, names: Nameable) -> Iterator[Move]:
        """Everything on the line that a keyword stands before: `save Bram, poison Ada` is two."""
        parts = self._keyword.split(f"{found.keyword} {found.operand}")[1:]
        for word, rest in zip(parts[::2], parts[1::2], strict=True):
            keyword = word.lower()
            for name in mentioned(rest, names.get(keyword, ())):
                yield Move(keyword, name)

    def _near_miss(self, text: str, names: Nameable) -> Invalid | None:
        """A keyword and, later on its line, a name: nearly a move, as in `I vote for Bram`."""
        for line in reversed(clean_text(text[:MAX_CHARACTERS]).split("\n")):
            for match in self._keyword.finditer(line):
                keyword = match[1].lower()
                named = mentioned(line[match.end() :], names.get(keyword, ()))
                if named:
                    return Invalid(f"write `{keyword} {named[0]}` alone on a line")
        return None


def resolve(text: str, names: Sequence[str]) -> str | Invalid:
    """The one of `names` that `text` means: a full name, or a first name that only one has."""
    asked = folded(text)
    candidates = [asked, asked.strip(_ENDS)]
    filler = _FILLER.match(candidates[1])
    if filler is not None:
        candidates.append(candidates[1][filler.end() :])
    for key in candidates:
        for form in (folded, _short, _first_of):
            found = [name for name in names if form(name) == key]
            if len(found) == 1:
                return found[0]
            if found:
                return Invalid(f"{text!r:.40} may be {' or '.join(found)}; use the full name")
    return Invalid(f"nobody and nothing here is called {text!r:.40}")


def mentioned(text: str, names: Sequence[str]) -> list[str]:
    """The names that stand in a cleaned text, by full or first name, in the order of the text."""
    pattern, owners = name_pattern(tuple(names))
    found = (owners.get(match[0].casefold()) for match in pattern.finditer(text))
    return [name for name in dict.fromkeys(found) if name is not None]


@lru_cache(maxsize=256)
def name_pattern(names: tuple[str, ...]) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """What finds names in a cleaned text, longest first, and whose each form is, without case."""
    forms = [clean_text(name) for name in names]
    owners = {form.casefold(): name for form, name in zip(forms, names, strict=True)}
    firsts = [_first(form) for form in forms]
    for form, name in zip(firsts, names, strict=True):
        is_only = sum(other.casefold() == form.casefold() for other in firsts) == 1
        if form and is_only and form.casefold() not in owners:
            owners[form.casefold()] = name
            forms.append(form)
    either = "|".join(map(re.escape, sorted(forms, key=len, reverse=True))) or "(?!)"
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE), owners


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """A name as it is compared: folded like moves, single spaces, no case."""
    return " ".join(clean_text(text).replace("\x00", "").split()).casefold()


def _short(name: str) -> str:
    return folded(name).strip(_ENDS)


def _first_of(name: str) -> str:
    return _first(folded(name))


def _first(name: str) -> str:
    """The first of several words, without punctuation."""
    words = name.split()
    return words[0].strip(_ENDS) if words else ""
