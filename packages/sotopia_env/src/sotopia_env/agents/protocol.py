"""What an agent is: one seat's mind for one episode."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from ..actions import ActionLike
from ..prompts import Conversation


class Agent(Protocol):
    """Acts for one seat in one episode; a function of its seed and of what it has observed.

    One with an attribute `never_waits` that is true awaits nothing in `act`.
    """

    @property
    def conversation(self) -> Conversation:
        """What the seat was shown and said, with the basis of each decision."""

    @property
    def is_privileged(self) -> bool:
        """Whether it is given `infos["solution"]`, everybody's true values; never a policy."""

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        """Decide one turn, and record the decision in the conversation.

        Raises:
            SotopiaError: when no decision could be had; the episode is then recorded as failed.
        """


AgentFactory: TypeAlias = Callable[[str, int], Agent]
"""`(seat, seed) -> Agent`: makes a fresh agent for one seat of one episode."""
