"""Agents without theory of mind: how far chance, word order and knowing the facts alone go."""

import hashlib

import numpy as np

from ..benchmark import Task
from ..grammar import Query, read_question, read_story
from ..symbolic import BeliefTracker


class RandomAgent:
    """Any of the choices, drawn from the seed and the task."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def answer(self, task: Task) -> str:
        text = f"{self._seed}\n{task.story}\n{task.question}"
        digest = hashlib.sha256(text.encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        return task.choices[rng.integers(len(task.choices))]


class FirstContainer:
    """The choice that the story names first."""

    async def answer(self, task: Task) -> str:
        return min(task.choices, key=task.story.find)


class LastContainer:
    """The choice that the story names last."""

    async def answer(self, task: Task) -> str:
        return max(task.choices, key=task.story.rfind)


class RealityAgent:
    """Right about what happened, but takes everybody's belief to be what is really so."""

    async def answer(self, task: Task) -> str:
        asked = read_question(task.question)
        query = Query(thing=asked.thing, asks_for_start=asked.asks_for_start)
        return query.answer(BeliefTracker(read_story(task.story))) or "nobody knows"
