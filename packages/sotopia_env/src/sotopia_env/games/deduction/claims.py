"""What a seat asserts in an utterance about roles, sides, places and words, by stated patterns.

`I am the seer`, `I am not a werewolf`, `Bram is a werewolf`, `Bram and Ada are innocent`, `I
inspected Bram: he is a werewolf`, `the location is X`, `my word is X`. Questions, quotations, what
somebody else is said to think, and sentences with an `if`, a `maybe` or an `or` are no claims.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from ...moves import clean_text
from .config import GameConfig
from .targets import folded, name_pattern

Aspect: TypeAlias = Literal["side", "role", "inspection", "location", "word"]
"""`side`: being one of those the others look for; `inspection`: having been inspected by the
speaker."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing asserted, or with `is_asserted` false denied, in an utterance."""

    aspect: Aspect
    subject: int | None
    """Seat it is about; `None` for a location."""
    value: str
    """Role, location or word; empty for a side and an inspection."""
    is_asserted: bool


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The nouns of a game, in small letters."""

    hidden: tuple[str, ...]
    """For one of those the others look for."""
    plain: tuple[str, ...]
    """For one of the others, whoever it is."""
    roles: tuple[str, ...]
    """Single roles on any side but the hidden one."""

    @classmethod
    def of(cls, config: GameConfig) -> "Lexicon":
        """The roles of a configuration; a role that names its team stands for all of that team."""
        hidden, plain, roles = [], [], []
        for player in config.agents:
            role = player.role.casefold()
            if player.team == config.hidden_team:
                hidden.append(role)
            elif player.team.casefold().startswith(role[:-1]):
                plain.append(role)
            else:
                roles.append(role)
        if any(role.endswith("werewolf") for role in hidden):
            hidden.append("wolf")
        unique = [tuple(dict.fromkeys(nouns)) for nouns in (hidden, plain, roles)]
        return cls(unique[0], unique[1], unique[2])


WEREWOLF: Final = Lexicon(("werewolf", "wolf"), ("villager",), ("seer", "witch"))

_GOOD: Final = ("innocent", "not guilty")
_BAD: Final = ("guilty",)
_MARK: Final = "\x01"
"""On both sides of a seat number, where a name stood."""
_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?\n]*")
_HEDGE: Final = re.compile(
    r"\b(?:if|unless|whether|suppose|supposing|imagine|pretend|maybe|perhaps|or|either|wonder"
    r"|not (?:sure|certain|convinced)|unsure|no idea|(?:do not|don't) know|says?|said|claim(?:s|ed)"
    r"|told|thinks|believes|accus\w+|you (?:think|believe|say|claim)|according)\b",
    re.IGNORECASE,
)
_DENIAL: Final = re.compile(
    r"\b(?:(?:do not|don't|cannot|can't|never) (?:think|believe|say)|doubt|not true|no way)\b",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[,;:]| but ")
_NAMES: Final = rf"{_MARK}\d+{_MARK}(?:(?:, and|,| and) {_MARK}\d+{_MARK}){{0,15}}"
_SUBJECT: Final = rf"(?:(?P<names>{_NAMES})|(?P<own>\bI)|\b(?P<they>he|she|they|it))"
_COPULA: Final = r"(?:'m|'s|'re| am| is| are| must be| has to be)"
_ADVERB: Final = (
    r"(?: (?:really|surely|certainly|clearly|definitely|just|also|both|all|only|still|indeed))*"
)
_NEGATION: Final = r"(?P<no>n't| not| no| never)?"
_END: Final = (
    r"(?=\s*(?:[.,;:!)\n\u2014-]|$|(?:and|but|because|so|since|who|like|too|here|for|then|this|that"
    r"|as|we|I|you|or)\b))"
)
_INSPECTED: Final = re.compile(
    rf"\bI (?:have )?(?:already |also |secretly )?(?:inspected|checked|investigated) "
    rf"(?P<names>{_NAMES})",
    re.IGNORECASE,
)
_LOCATION: Final = re.compile(
    r"\b(?:the|our) (?:location|place) is(?P<no>n't| not)?:? (?:the |an? )?(?P<value>[\w' -]+)",
    re.IGNORECASE,
)
_WORD: Final = re.compile(
    r"\bmy (?:secret |own )?word is(?P<no>n't| not)?:? (?P<value>[\w-]+(?: [\w-]+)?)"
    r"(?=\s*(?:[.,;:!\n]|$))",
    re.IGNORECASE,
)
_NO_WORD: Final = re.compile(
    r"(?:an?|the|one|very|quite|rather|too|so|more|hard|easy|simple|short|long|like|related|similar"
    r"|known|common|different|written|something|secret|safe|fine|good|also)\b",
    re.IGNORECASE,
)
"""What begins a description of a word rather than the word."""


def read_claims(
    text: str,
    names: Sequence[str],
    speaker: int,
    lexicon: Lexicon,
    *,
    places: Iterable[str] | None = None,
) -> tuple[Statement, ...]:
    """What `speaker` (a seat) claims in `text`, in the order of the text.

    With `places`, only those can be claimed as location.
    """
    known = None if places is None else {folded(place): place for place in places}
    found: list[Statement] = []
    inspected: list[int] = []
    for sentence in _SENTENCE.findall(_marked(text, tuple(names))):
        if sentence.rstrip("\n").endswith("?") or _HEDGE.search(sentence):
            continue
        claims, inspected = _of_people(sentence, speaker, lexicon, inspected)
        found += claims
        found += _of_location(sentence, known)
        found += _of_word(sentence, speaker)
    return tuple(found)


@lru_cache(maxsize=256)
def _marked(text: str, names: tuple[str, ...]) -> str:
    """A text without quotations, in which names are seat numbers between marks."""
    pattern, owners = name_pattern(names)
    clean = clean_text(text).replace(_MARK, "").replace("\u2019", "'")

    def mark(found: re.Match[str]) -> str:
        name = owners.get(found[0].casefold())
        return found[0] if name is None else f"{_MARK}{names.index(name)}{_MARK}"

    return re.sub(r"[^\S\n]+", " ", pattern.sub(mark, clean))


def _of_people(
    sentence: str, speaker: int, lexicon: Lexicon, inspected: list[int]
) -> tuple[list[Statement], list[int]]:
    """Claims about players, and who is meant by the next `he` or `she`."""
    found: list[tuple[int, Statement]] = []
    for match in _INSPECTED.finditer(sentence):
        inspected = _seats(match["names"])
        found += [(match.start(), Statement("inspection", seat, "", True)) for seat in inspected]
    for match in _patterns(lexicon).finditer(sentence):
        subjects = [speaker] if match["own"] else _seats(match["names"]) or inspected
        clause = _CLAUSE.split(sentence[: match.start()])[-1]
        is_denied = (match["no"] is not None) ^ bool(_DENIAL.search(clause))
        for seat in subjects:
            statement = _meant(match, seat, seat == speaker, not is_denied, lexicon)
            found.append((match.start(), statement))
    return [statement for _, statement in sorted(found, key=lambda pair: pair[0])], inspected


def _meant(
    match: re.Match[str], seat: int, is_own: bool, is_asserted: bool, lexicon: Lexicon
) -> Statement:
    groups: Mapping[str, str | None] = match.groupdict()
    noun = _singular(groups["noun"] or "", lexicon)
    if noun in lexicon.roles or (is_own and noun in lexicon.plain):
        return Statement("role", seat, noun, is_asserted)
    is_hidden = noun in lexicon.hidden or noun in _BAD
    return Statement("side", seat, "", is_asserted == is_hidden)


def _of_location(sentence: str, known: Mapping[str, str] | None) -> Iterator[Statement]:
    for match in _LOCATION.finditer(sentence):
        value = folded(match["value"])
        if known is not None:
            value = max((key for key in known if _begins(value, key)), key=len, default="")
        if value:
            named = value if known is None else known[value]
            yield Statement("location", None, named, match["no"] is None)


def _of_word(sentence: str, speaker: int) -> Iterator[Statement]:
    for match in _WORD.finditer(sentence):
        if not _NO_WORD.match(match["value"]):
            yield Statement("word", speaker, folded(match["value"]), match["no"] is None)


def _begins(text: str, key: str) -> bool:
    return text == key or text.startswith(f"{key} ")


def _seats(names: str | None) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", names or "")]


@lru_cache(maxsize=64)
def _patterns(lexicon: Lexicon) -> re.Pattern[str]:
    nouns = [*lexicon.hidden, *lexicon.plain, *lexicon.roles]
    forms = [form for noun in nouns for form in (noun, _plural(noun))]
    either = "|".join(map(re.escape, sorted([*forms, *_GOOD, *_BAD], key=len, reverse=True)))
    return re.compile(
        rf"{_SUBJECT}{_COPULA}{_ADVERB}{_NEGATION}{_ADVERB}(?: (?:an?|the|one of the|our))?"
        rf" (?P<noun>{either}){_END}",
        re.IGNORECASE,
    )


def _plural(noun: str) -> str:
    if noun.endswith("f"):
        return f"{noun[:-1]}ves"
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def _singular(noun: str, lexicon: Lexicon) -> str:
    form = noun.casefold()
    nouns = (*lexicon.hidden, *lexicon.plain, *lexicon.roles)
    return next((known for known in nouns if form in (known, _plural(known))), form)
