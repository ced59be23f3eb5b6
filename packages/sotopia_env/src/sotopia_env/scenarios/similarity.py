"""How alike two scenarios are once names, numbers and things are masked.

A scenario made of another by changing who, what and how much is no new scenario; this finds such
pairs. Texts are compared by the share of masked three-word sequences they have in common.
"""

import re
from collections.abc import Iterable
from itertools import combinations
from typing import Final, NamedTuple

from ..markup import render
from ..profiles import EnvironmentProfile

NEAR: Final = 0.3
"""Share of common sequences from which two scenarios count as near-duplicates."""

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_STARTS: Final = re.compile(r"(?:\A|[.!?:(\"\u201c])\s*\Z")
_NUMBERS: Final = frozenset([
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    "hundred", "hundreds", "thousand", "thousands", "million", "half", "quarter", "dozen",
    "first", "second", "third",
])  # fmt: skip
_BEFORE_A_THING: Final = frozenset([
    "a", "an", "the", "this", "that", "these", "those", "my", "your", "his", "her", "its", "our",
    "their", "some", "any", "every", "each", "no", "another", "of", "#", "@",
])  # fmt: skip
_FRAME: Final = frozenset([
    "a", "an", "the", "and", "or", "but", "if", "as", "at", "by", "for", "from", "in", "into",
    "of", "on", "to", "with", "without", "about", "after", "before", "i", "you", "he", "she",
    "it", "we", "they", "them", "him", "her", "us", "me", "who", "whom", "which", "that", "this",
    "these", "those", "there", "here", "your", "my", "his", "its", "our", "their", "is", "are",
    "was", "were", "be", "been", "being", "am", "do", "does", "did", "have", "has", "had", "will",
    "would", "can", "could", "may", "might", "must", "shall", "should", "not", "no", "one",
    "other", "another", "both", "each", "all", "any", "some", "than", "then", "so", "too", "very",
    "only", "also", "just", "still", "never", "ever", "when", "while", "where", "why", "how",
    "what",
])  # fmt: skip


class Pair(NamedTuple):
    """Two scenarios that are nearly the same."""

    first: str
    second: str
    similarity: float


def masked(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, with `@` for names, `#` for numbers and `_` for things.

    A name is a capitalised word inside a sentence; a thing is what follows an article, a
    possessive, a number or an `of`.
    """
    words: list[str] = []
    for found in _WORD.finditer(text):
        word = found.group()
        starts = _STARTS.search(text, 0, found.start()) is not None
        lower = word.lower()
        if word[0].isdigit() or lower in _NUMBERS:
            mask = "#"
        elif word[0].isupper() and not starts:
            mask = "@"
        elif words and words[-1] in _BEFORE_A_THING and lower not in _FRAME:
            mask = "_"
        else:
            mask = lower
        words.append(mask)
    return tuple(words)


def sequences(profile: EnvironmentProfile) -> frozenset[tuple[str, ...]]:
    """The masked three-word sequences of a scenario and its goals."""
    found: set[tuple[str, ...]] = set()
    for text in (profile.scenario, *profile.agent_goals):
        words = masked(render(text, None))
        found.update(zip(words, words[1:], words[2:], strict=False))
    return frozenset(found)


def similarity(first: EnvironmentProfile, second: EnvironmentProfile) -> float:
    """From 0 to 1, the share of sequences that both have among those that either has (Jaccard)."""
    return _shared(sequences(first), sequences(second))


def near_duplicates(profiles: Iterable[EnvironmentProfile], least: float = NEAR) -> list[Pair]:
    """Pairs at least that similar, most similar first."""
    known = [(p.scenario_id or p.codename, sequences(p)) for p in profiles]
    pairs = (
        Pair(first, second, _shared(one, other))
        for (first, one), (second, other) in combinations(known, 2)
    )
    return sorted((p for p in pairs if p.similarity >= least), key=lambda p: -p.similarity)


def _shared(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    either = len(one | other)
    return len(one & other) / either if either else 1.0
