"""Small talk: a scripted agent for scenarios without formal moves."""

from typing import Any, Final

from ...actions import ActionLike, AgentAction
from ...prompts import Conversation, PromptStyle
from .agent import generator

_OPENINGS: Final = (
    "Good to see you.", "Hello there, do you have a minute?", "I was hoping to run into you.",
    "Shall we sit down for this?", "Thanks for making time.", "Well, here we are.",
)  # fmt: skip
_MIDDLES: Final = (
    "I see what you mean.", "That matters to me more than I can say.", "Let me think about it.",
    "What would you do in my place?", "I would like us both to be content with this.",
    "Could we meet halfway?", "Tell me more about that.", "To be honest, I am not sure yet.",
    "There may be another way.", "That sounds fair to me.", "I had not looked at it like that.",
)  # fmt: skip
_GESTURES: Final = ("nods slowly", "smiles", "looks out of the window", "shrugs", "leans closer")
_CLOSINGS: Final = (
    "Then let us leave it at that.", "I have to go now. Thank you.", "I am glad we talked.",
)  # fmt: skip


class Talker:
    """Says friendly things, now and then with a gesture, and leaves after a few turns of its own.

    It attends to its goal as little as to anything it hears: a stand-in where somebody has to
    speak, and the plainest baseline.
    """

    is_privileged = False
    never_waits = True

    def __init__(self, seat: str, seed: int, style: PromptStyle) -> None:
        self.conversation = Conversation(seat, style)
        self._rng = generator(seat, seed)
        self._left = int(self._rng.integers(3, 7))
        self._has_spoken = False

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        self.conversation.observe(observation, info)
        action = self._action([bool(may) for may in observation["actions"]])
        self.conversation.reply(observation["turn"], action.argument or action.action_type)
        return action

    def _action(self, may: list[bool]) -> AgentAction:
        _, may_speak, may_gesture, _, may_leave = may
        if not may_speak:
            return AgentAction()
        self._left -= 1
        if self._left < 0 and may_leave:
            return AgentAction("leave")
        if self._left == 0:
            return AgentAction("speak", self._one(_CLOSINGS))
        if not self._has_spoken:
            self._has_spoken = True
            return AgentAction("speak", self._one(_OPENINGS))
        if may_gesture and self._rng.random() < 0.2:
            return AgentAction("non-verbal communication", self._one(_GESTURES))
        return AgentAction("speak", self._one(_MIDDLES))

    def _one(self, options: tuple[str, ...]) -> str:
        return options[int(self._rng.integers(len(options)))]
