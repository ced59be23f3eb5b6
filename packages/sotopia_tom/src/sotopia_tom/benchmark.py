"""What a benchmark is: tasks an agent sees, items with their labels, readings of replies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """All an agent gets to see of an item."""

    story: str
    """One sentence a line."""
    question: str
    choices: tuple[str, ...]
    prompt: str
    """Story, question, choices, rules and the form of the answer, for a language model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question with its label. Ids come from the content, so they survive any reordering."""

    id: str
    story_id: str
    story_type: str
    type: str
    order: int
    """Minds nested in the question."""
    is_tom: bool
    """The belief asked for differs from reality."""
    task: Task
    gold: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply was read as: a choice, or unparsed with the problem."""

    choice: str | None
    problem: str | None = None


class Benchmark(Protocol):
    """Questions with known answers, and the reading of replies."""

    name: str
    version: str
    """Changes with every change of stories, prompts, parsing or labels."""

    def load(self, limit: int | None = None) -> Sequence[Item]:
        """Items of the first `limit` stories, all of a story's questions together."""
        ...

    def parse(self, reply: str, task: Task) -> Reading:
        """Never raises: what cannot be read is unparsed."""
        ...

    def score(self, item: Item, reading: Reading) -> bool: ...
