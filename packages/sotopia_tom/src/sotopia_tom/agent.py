"""Who answers the questions of a benchmark; the folder `agents/` holds those that ship."""

from typing import Protocol

from .benchmark import Task


class Agent(Protocol):
    """Answers one task at a time.

    A reply is free text, read by the benchmark. Agents are functions of their seed and the task, so
    the order of the questions does not matter and a run can be resumed anywhere.
    """

    async def answer(self, task: Task) -> str:
        """Reply to `task`.

        Raises:
            SotopiaError: if there is no reply to be had; the item is then recorded as failed.
        """
        ...
