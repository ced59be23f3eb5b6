"""A scripted agent for social games: every role of werewolf, spyfall and undercover.

It decides from what its seat sees and hears alone. What it thinks is in one module a game.
"""

from collections.abc import Callable
from typing import Any, Final

from ...actions import ACTION_TYPES, NO_ACTION, ActionLike, AgentAction
from ...errors import AgentError
from ...games.deduction.spyfall import SpyfallView
from ...games.deduction.undercover import UndercoverView
from ...games.deduction.werewolf import WerewolfView
from ...prompts import Conversation, PromptStyle
from .agent import generator
from .describers import Describer
from .minds import Heard, Mind
from .spies import Guest
from .village import Villager

_MINDS: Final[dict[type, Callable[[], Mind[Any]]]] = {
    WerewolfView: Villager,
    SpyfallView: Guest,
    UndercoverView: Describer,
}


class DeductionAgent:
    """Talks, votes and uses its powers with some sense.

    Wolves agree on a victim and keep together; the seer inspects and tells what it found, the witch
    saves early and poisons whom a seer named, and the village votes by what it has heard. In
    spyfall and undercover it compares what is said with what it knows.
    """

    is_privileged = False
    never_waits = True

    def __init__(self, seat: str, seed: int, style: PromptStyle) -> None:
        self.conversation = Conversation(seat, style)
        self._rng = generator(seat, seed)
        self._mind: Mind[Any] | None = None
        self._heard: list[Heard] = []
        self._shown = ""
        """What the mind has not taken in yet."""

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        self.conversation.observe(observation, info)
        self._heard += [Heard.of(turn) for turn in info["heard"]]
        self._shown += f"{observation['text']}\n"
        may = dict(zip(ACTION_TYPES, observation["actions"], strict=True))
        if not may["action"] and not may["speak"]:
            return NO_ACTION
        text = self._text(info.get("game"))
        self.conversation.reply(observation["turn"], text)
        return AgentAction("action" if may["action"] else "speak", text)

    def _text(self, view: object) -> str:
        if type(view) not in _MINDS:
            known = ", ".join(kind.__name__ for kind in _MINDS)
            raise AgentError(
                f"scripted:deducer plays social games ({known}), not {type(view).__name__}"
            )
        if self._mind is None:
            self._mind = _MINDS[type(view)]()
        self._mind.listen(view, self._heard, self._shown)
        self._heard, self._shown = [], ""
        return self._mind.say(view, self._rng)
