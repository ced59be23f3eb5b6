"""Formal moves in free text: what a seat's words commit it to.

A move is a whole line of the seat's own utterance, or the whole argument of an `action`. Quoted
text (within a paragraph), code and `>` lines are put aside first: quoting a move is not making it.
The grammar and its traps are those of Inspect's number reader, extended for look-alike letters.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

from .actions import MAX_CHARACTERS

Operand: TypeAlias = Literal["nothing", "amount", "amounts"]


@dataclass(frozen=True, slots=True)
class Invalid:
    """A move that was attempted and does not count; `reason` is told to the seat."""

    reason: str


class FormalMove(NamedTuple):
    """The keyword of a move in capitals and the text after it, not yet read."""

    keyword: str
    operand: str


_PUT_ASIDE: Final = "\x00"
_NEWLINE: Final = "\n"
_LONGEST_OPERAND: Final = 200
_NEEDS_CLEANING: Final = re.compile('[\x00-\x09\x0b-\x1f\x7f"`~<>*]')
_OPENS_QUOTE: Final = re.compile(r"'(?<!\w')")
"""Begins with its literal, and is no alternative of the above: both are found by fast scans."""
_PLAIN: Final = str.maketrans({"\t": " ", "\u2212": "-", "*": ""})
_CODE: Final = re.compile(
    "|".join(rf"{fence}.*?(?:{fence}|\Z)" for fence in ("```", "~~~", '"""', "'''"))
    + r"|<(think|thinking|reasoning|quote|blockquote)>.*?(?:</\1>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
# Every class excludes its own opener too, which keeps the patterns linear on hostile input.
_PAIRS: Final = (
    "\u2018\u2019",
    "\u201c\u201d",
    "\u201e\u201c\u201d",
    "\xab\xbb",
    "\xbb\xab",
    "\u2039\u203a",
    "\u300c\u300d",
    "\u300e\u300f",
)
"""An opening mark and those that close it."""
_QUOTES: Final = re.compile(
    '"[^"\n]*"|`[^`\n]*`|^[ ]*>[^\n]*|'
    # All below may go over several lines of a paragraph. An opening mark follows no word, unlike
    # one for inches, and a closing apostrophe precedes none.
    r"(?<!\w)'(?:[^'\n]|\n(?!\n)|(?<=\w)'(?=\w))*+'(?!\w)|"
    '(?<![\\w"])"[^"\n]*(?:\n[^"\n]+)*\n?"|'
    + "|".join(rf"{marks[0]}[^{marks}\n]*(?:\n[^{marks}\n]+)*\n?[{marks[1:]}]" for marks in _PAIRS),
    re.MULTILINE,
)
_BULLETS: Final = " -#([0123456789"
_BULLET: Final = r"[ ]*+(?:[-#(\[]++|\d{1,3}[.)])?[ ]*+"
"""What may stand before a move in a list; with it the line is only an attempt at one."""
_NEARLY: Final = r"[-+$€£¥.(\[]*\d\S*+(?:[ ]++[-+$€£¥.]*\d\S*+)*(?:[ ]++\S++){0,2}[ ]*+"
"""Numbers with a word or two after them, as in `45 dollars`; with more it is a sentence."""
_NUMBER: Final = re.compile(
    r"[+-]?[$€£¥]?(?:\d{1,3}(?:,\d{3}){1,3}|\d{1,12})(?:\.\d{1,6})?", re.ASCII
)
_AMBIGUOUS: Final = re.compile(r"[^\d]*\d{1,3}\.\d{3}", re.ASCII)
_WORD: Final = r"(?:\w+=)?[-+$€£¥.(]*\d\S*"
_OPERANDS: Final = re.compile(rf"{_WORD}(?:[ ]+{_WORD})*", re.ASCII)
_CLOSED_PREFIX: Final = re.compile(rf"(?:^|[.!?{_PUT_ASIDE}])\s*\Z")
_LOOK_ALIKES: Final = str.maketrans(
    "АВСЕНІЈКМОРЅТХУаеосрхуіјѕԁΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",  # noqa: RUF001  # what the table is for
    "ABCEHIJKMOPSTXYaeocpxyijsdABEZHIKMNOPTYXo",
)


class MoveGrammar:
    """Finds the formal move in a text, for one game's keywords.

    `keywords` maps each keyword in capitals to what follows it. Keywords with an underscore are no
    words of any language: they may stand after other sentences on their line. Plain words
    (`ACCEPT`) need the line for themselves.
    """

    def __init__(self, keywords: Mapping[str, Operand]) -> None:
        self._operands = dict(keywords)
        words = "|".join(sorted(keywords, key=len, reverse=True))
        tokens = "|".join(word for word in keywords if "_" in word) or "(?!)"
        flags = re.IGNORECASE | re.ASCII
        self._first = re.compile(rf"{_BULLET}(?:{words})(?:\b|(?=\d))", flags)
        plain = "".join(word[0] for word in keywords if "_" not in word)
        self._initials = frozenset(plain + plain.lower() + _BULLETS)
        numbered = "|".join(word for word, kind in keywords.items() if kind != "nothing") or "(?!)"
        alone = "|".join(word for word, kind in keywords.items() if kind == "nothing") or "(?!)"
        self._attempt = re.compile(
            rf"{_BULLET}(?:({numbered})[ ]*:?[ ]*{_NEARLY}|({alone})[ .!?,;:)\]]*)", flags
        )
        self._whole = re.compile(rf"[ ]*+({words})(?:[ ]*:[ ]*|[ ]+|(?=[.!]?[ ]*$))(.*)", flags)
        # Without a colon or a number after it a keyword is only mentioned.
        self._token = re.compile(
            rf"(?<![\w'])({tokens})\b(?=[ ]*:|[ ]*[-+$€£¥.(]?\d)[ ]*:?[ ]*", flags
        )
        # Negotiators repeat themselves: a line is read once.
        self._read = lru_cache(maxsize=1024)(self._read_line)

    def find(self, text: str) -> FormalMove | Invalid | None:
        """The move `text` makes: the last line that is one. `None` when it only talks."""
        found = self._find(text)
        return None if found is None else found[1]

    def span(self, text: str) -> tuple[int, int] | None:
        """Where the line stands that makes (or attempts) the move: `text[start:end]`, or `None`."""
        found = self._find(text)
        if found is None:
            return None
        lines = text.split("\n")
        start = sum(len(line) + 1 for line in lines[: found[0]])
        return start, start + len(lines[found[0]])

    def is_whole(self, text: str) -> bool:
        """Whether a text that makes a move is nothing but that move."""
        whole = self._whole.fullmatch(clean_text(text).strip())
        return whole is not None and self._whole_line(whole[1], whole[2]) is not None

    def _find(self, text: str) -> tuple[int, FormalMove | Invalid] | None:
        """The move of `text` with the number of its line, from 0."""
        if len(text) > MAX_CHARACTERS:
            text = text[:MAX_CHARACTERS]
        if text.isascii() and not (_NEEDS_CLEANING.search(text) or _OPENS_QUOTE.search(text)):
            return self._last(text)
        clean = clean_text(text)
        found = self._last(clean)
        if found is None and not clean.isascii():
            latin = clean.translate(_LOOK_ALIKES)
            if latin != clean and (found := self._last(latin)) is not None:
                found = found[0], Invalid("mixed-script: the move contains look-alike letters")
        return found

    def _last(self, text: str) -> tuple[int, FormalMove | Invalid] | None:
        lines = text.split("\n")
        for number in range(len(lines) - 1, -1, -1):
            line = lines[number]
            # no other line can hold a move
            if "_" in line or (line[:1] in self._initials and self._first.match(line)):
                found = self._read(line)
                if found is not None:
                    return number, found
        return None

    def _read_line(self, line: str) -> FormalMove | Invalid | None:
        starts_with_keyword = self._first.match(line) is not None
        if starts_with_keyword:
            whole = self._whole.fullmatch(line)
            if whole is not None:
                move = self._whole_line(whole.group(1), whole.group(2))
                if move is not None:
                    return move
        if self._token.search(line):
            return self._tokens(line)
        if not starts_with_keyword:
            return None
        keyword = line.split()[0].rstrip(":.!,?")
        if keyword in self._operands:
            return self._misused(keyword)
        attempt = self._attempt.fullmatch(line)
        return None if attempt is None else self._misused(attempt[attempt.lastindex or 1].upper())

    def _whole_line(self, keyword: str, rest: str) -> FormalMove | None:
        keyword, operand = keyword.upper(), rest.strip().rstrip(".,;!").rstrip()
        kind = self._operands[keyword]
        if kind == "nothing":
            return FormalMove(keyword, "") if not operand else None
        if not operand or len(operand) > _LONGEST_OPERAND or self._token.search(operand):
            return None
        if kind == "amount" and " " in operand:
            return None
        if "_" not in keyword and not _OPERANDS.fullmatch(operand):
            return None
        return FormalMove(keyword, operand)

    def _tokens(self, line: str) -> FormalMove | Invalid | None:
        hits = list(self._token.finditer(line))
        if not _CLOSED_PREFIX.search(line[: hits[0].start()]):
            return Invalid(f"{hits[0].group(1).upper()} must stand on a line of its own")
        ends = [hit.start() for hit in hits[1:]] + [len(line)]
        found = set()
        for hit, end in zip(hits, ends, strict=True):
            move = self._operand_of(hit.group(1).upper(), line[hit.end() : end])
            if isinstance(move, Invalid):
                return move
            found.add(move)
        if len(found) > 1:
            return Invalid("two different moves on one line")
        return found.pop()

    def _operand_of(self, keyword: str, segment: str) -> FormalMove | Invalid:
        segment = segment.strip()
        if self._operands[keyword] == "amount":
            first, _, rest = segment.partition(" ")
            if rest and not first.endswith((".", "!", ";", ",")):
                return self._misused(keyword)
            segment = first
        if len(segment) > _LONGEST_OPERAND:
            return self._misused(keyword)
        return FormalMove(keyword, segment.rstrip(".,;!"))

    def _misused(self, keyword: str) -> Invalid:
        match self._operands[keyword]:
            case "nothing":
                return Invalid(f"{keyword} must stand alone on its line, with nothing after it")
            case "amount":
                return Invalid(f"{keyword} must be followed by one plain number and nothing else")
            case "amounts":
                return Invalid(f"{keyword} must be followed by its amounts and nothing else")


def clean_text(text: str) -> str:
    """Fold `text` for reading moves: NFKC, no invisible characters, quotes and code put aside.

    Lines keep their numbers.
    """
    folded = "".join(map(_folded, text))[:MAX_CHARACTERS]
    return _QUOTES.sub(_put_aside, _CODE.sub(_put_aside, folded))


def _put_aside(match: re.Match[str]) -> str:
    breaks = match.group().count("\n")
    return f"{_PUT_ASIDE}{breaks * _NEWLINE}{_PUT_ASIDE}" if breaks else _PUT_ASIDE


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    """One character by itself: over a whole text NFKC is quadratic in runs of combining marks."""
    kept = [
        c
        for c in unicodedata.normalize("NFKC", character)
        if c in "\n\t" or unicodedata.category(c) not in ("Cf", "Cc")
    ]
    return "".join(kept).translate(_PLAIN)


@lru_cache(maxsize=4096)
def read_amount(text: str) -> float | Invalid:
    """The number `text` is, whole numbers as `int`; otherwise why it is not one.

    Grouping commas, a sign and one of four currency marks are allowed. `1.200` is refused: it means
    1200 in half of the world.
    """
    if not _NUMBER.fullmatch(text):
        return Invalid(f"{text[:24]!r} is not a plain number")
    if _AMBIGUOUS.fullmatch(text):
        return Invalid(f"{text[:24]!r} has an ambiguous separator; write 1200 or 1.2")
    digits = text.translate({ord(c): None for c in ",+$€£¥"})
    return float(digits) if "." in digits else int(digits)
