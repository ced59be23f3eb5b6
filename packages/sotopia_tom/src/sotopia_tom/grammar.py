"""Reads stories and questions: sentences in, events and queries for `symbolic.py` out.

It knows two families of sentences: those of our own generator, and those of ToMi (Le, Boureau and
Nickel 2019), so that a user's own copy of that data set can be read as well. A sentence it does not
know is an error, never skipped: a lost event would be a wrong belief.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .symbolic import Announcement, BeliefTracker, Entry, Event, Exit, Move, StoryError

_THING = r"the (?P<thing>[\w ]+?)"
_TASTES = r"(?:admires|cannot stand|is bored by|is fond of|dislikes|hates|likes|loves)"

_SENTENCES: tuple[tuple[re.Pattern[str], Callable[..., Event] | None], ...] = tuple(
    (re.compile(pattern), event)
    for pattern, event in (
        (r"(?P<agent>\w+) came into the (?P<room>[\w ]+)\.", Entry),
        (r"(?P<agent>\w+) left the [\w ]+\.", Exit),
        (rf"(?P<agent>\w+) took {_THING} and put it in the (?P<container>[\w ]+)\.", Move),
        (
            rf"In the (?P<room>[\w ]+), {_THING} is inside the (?P<container>[\w ]+)\.",
            Announcement,
        ),
        (r"(?P<agent>\w+) entered the (?P<room>\w+)\.", Entry),
        (r"(?P<agent>\w+) exited the \w+\.", Exit),
        (rf"(?P<agent>\w+) moved {_THING} to the (?P<container>\w+)\.", Move),
        (r"The (?P<thing>\w+) is in the (?P<container>\w+)\.", Announcement),
        (rf"\w+ {_TASTES} the [\w ]+\.?", None),  # moves nothing and shows nothing (R6)
    )
)

_NAMES = r"(?P<names>\w+(?: thinks? (?:that )?\w+)*)"
_MEMORY = tuple(
    re.compile(pattern)
    for pattern in (
        rf"At the start, which container was {_THING} in\?",
        rf"Where was {_THING} at the beginning\?",
    )
)
_BELIEF = tuple(
    re.compile(pattern)
    for pattern in (
        rf"Which container is {_THING} in now\?",
        rf"In which container will {_NAMES} look for {_THING}\?",
        rf"In which container does {_NAMES} will look for {_THING}\?",
        rf"Where is {_THING} really\?",
        rf"Where will {_NAMES} look for {_THING}\?",
        rf"Where does {_NAMES} searches for {_THING}\?",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a question asks: where `thing` was at first, or where `chain` believes it is."""

    thing: str
    chain: tuple[str, ...] = ()
    """Outermost mind first; empty asks for reality."""
    asks_for_start: bool = False

    def answer(self, tracker: BeliefTracker) -> str | None:
        """The container, or None if the chain has no belief."""
        if self.asks_for_start:
            return tracker.first_container(self.thing)
        return tracker.belief(self.thing, self.chain)


def read_story(text: str) -> list[Event]:
    """Events of a story of one sentence a line.

    Raises:
        StoryError: if a sentence has no known form.
    """
    events = (_read_sentence(line.strip()) for line in text.splitlines() if line.strip())
    return [event for event in events if event is not None]


def read_question(text: str) -> Query:
    """What `text` asks for.

    Raises:
        StoryError: if the question has no known form.
    """
    for pattern in _MEMORY:
        if match := pattern.fullmatch(text):
            return Query(thing=match["thing"], asks_for_start=True)
    for pattern in _BELIEF:
        if match := pattern.fullmatch(text):
            names = match.groupdict().get("names") or ""
            chain = tuple(n for n in names.split() if n not in ("think", "thinks", "that"))
            return Query(thing=match["thing"], chain=chain)
    raise StoryError(f"cannot read the question {text!r}")


def _read_sentence(sentence: str) -> Event | None:
    for pattern, event in _SENTENCES:
        if match := pattern.fullmatch(sentence):
            return event(**match.groupdict()) if event else None
    raise StoryError(f"cannot read the sentence {sentence!r}")
