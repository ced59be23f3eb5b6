"""How the scripted agent plays undercover: it tells how its word is written, and compares."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from ...games.deduction.undercover import UndercoverView, says
from .minds import Heard, most_suspect, pick, targets

Kind: TypeAlias = Literal["end", "start", "vowels", "letters"]

_KINDS: Final[tuple[Kind, ...]] = ("end", "start", "vowels", "letters")
"""From the vaguest to the most telling, which is the order in which they are told."""
_FORMS: Final[dict[Kind, str]] = {
    "end": "Its last letter is a {}.",
    "start": "It begins with a letter from the {} half of the alphabet.",
    "vowels": "It is written with {} of the vowels.",
    "letters": "It takes {} letters to write it.",
}
_READERS: Final = {
    kind: re.compile(re.escape(form).replace(r"\{\}", r"(\w+)")) for kind, form in _FORMS.items()
}
_OPENERS: Final = ("", "Let me think. ", "A small hint. ", "I would say this. ", "Well. ")
_VAGUE: Final = (
    "Everybody has come across it.", "I have seen it before.", "It is hard to describe.",
)  # fmt: skip
_NUMBERS: Final = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen",
)  # fmt: skip
_VOWELS: Final = "aeiou"
_FEWEST_WITNESSES: Final = 2
"""Other seats that must contradict the own word before one takes oneself for the odd one."""
_CONTRADICTS, _SAYS_NOTHING = 3.0, 2.0


class Trait(NamedTuple):
    """Something about how a word is written."""

    kind: Kind
    value: str


def traits_of(word: str) -> dict[Kind, str]:
    """How a word is written; nothing for one that is not in plain Latin letters."""
    letters = [c for c in word.casefold() if c.isalpha()]
    if not letters or not all(c.isascii() for c in letters) or len(letters) >= len(_NUMBERS):
        return {}
    vowels = len({c for c in letters if c in _VOWELS})
    return {
        "end": "vowel" if letters[-1] in _VOWELS else "consonant",
        "start": "first" if letters[0] < "n" else "second",
        "vowels": _NUMBERS[vowels] if vowels else "none",
        "letters": _NUMBERS[len(letters)],
    }


class Describer:
    """Both sides of undercover; it does not know which one it is on."""

    def __init__(self) -> None:
        self._heard: list[tuple[int, Trait]] = []
        self._empty: Counter[int] = Counter()
        """How often each seat said nothing of use."""
        self._told: set[Trait] = set()

    def listen(self, view: UndercoverView, heard: Sequence[Heard], text: str) -> None:
        for said in heard:
            found = [
                Trait(kind, match[1])
                for kind, reader in _READERS.items()
                if (match := reader.search(said.text))
            ]
            self._heard += [(said.seat, trait) for trait in found]
            if not found and not said.text.startswith("vote "):
                self._empty[said.seat] += 1

    def say(self, view: UndercoverView, rng: np.random.Generator) -> str:
        own = traits_of(view.word)
        if targets(view, "vote"):
            return f"vote {most_suspect(view, self._suspicions(view, own), rng)}"
        for trait in self._choices(own):
            text = pick(_OPENERS, rng) + _FORMS[trait.kind].format(trait.value)
            if not says(text, view.word):
                self._told.add(trait)
                return text
        return next((text for text in _VAGUE if not says(text, view.word)), "")

    def _is_odd(self, own: dict[Kind, str]) -> bool:
        """Whether most of the others seem to have another word."""
        against = {seat for seat, trait in self._heard if own.get(trait.kind) != trait.value}
        everybody = {seat for seat, _ in self._heard}
        return len(against) >= _FEWEST_WITNESSES and 2 * len(against) > len(everybody)

    def _choices(self, own: dict[Kind, str]) -> list[Trait]:
        """What to tell, the best first: the own word's traits, or those of the common word."""
        true = [Trait(kind, own[kind]) for kind in _KINDS if kind in own]
        new = [trait for trait in true if trait not in self._told]
        if not self._is_odd(own):
            return [*new, *true]
        common = [trait for trait, _ in Counter(trait for _, trait in self._heard).most_common()]
        return [*(trait for trait in common if trait not in self._told), *common, *new]

    def _suspicions(self, view: UndercoverView, own: dict[Kind, str]) -> dict[int, float]:
        """Who contradicts the own word, or if that is the odd one, what most say."""
        expected = dict(own)
        if self._is_odd(own):
            for trait, _ in reversed(Counter(trait for _, trait in self._heard).most_common()):
                expected[trait.kind] = trait.value
        scores = {seat: _SAYS_NOTHING * count for seat, count in self._empty.items()}
        for seat, trait in self._heard:
            if expected.get(trait.kind) != trait.value:
                scores[seat] = scores.get(seat, 0.0) + _CONTRADICTS
        return scores
