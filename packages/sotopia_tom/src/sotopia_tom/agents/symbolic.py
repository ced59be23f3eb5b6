"""The `symbolic` agent: reads the story's text, tracks beliefs exactly, answers."""

from collections.abc import Callable, Sequence

from ..benchmark import Task
from ..grammar import read_question, read_story
from ..symbolic import BeliefTracker, Event


class SymbolicAgent:
    """Answers from the rendered text alone."""

    def __init__(self, tracker: Callable[[Sequence[Event]], BeliefTracker] = BeliefTracker) -> None:
        """`tracker` builds the tracker of one story; a variant of the rules goes here."""
        self._tracker = tracker

    async def answer(self, task: Task) -> str:
        tracker = self._tracker(read_story(task.story))
        return read_question(task.question).answer(tracker) or "nobody knows"
