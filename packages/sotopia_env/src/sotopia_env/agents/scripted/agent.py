"""Scripted agents: a tactic, a bargainer for the family, and something to say."""

import zlib
from typing import Any, Final

import numpy as np

from ...actions import ActionLike
from ...errors import AgentError
from ...prompts import Conversation, PromptStyle
from .bargainers import BARGAINERS
from .speech import Occasion, sentence
from .tactics import Moment, Tactic

_LITTLE: Final = 0.15
"""Worth, on the scale of aspirations, below which the solver would rather gamble on a deal."""


class ScriptedAgent:
    """Plays a tactic in any family that has a bargainer.

    It sees its own observation only, remembers the partner's offers, and accepts as soon as a
    standing offer is worth what it would ask for next.
    """

    is_privileged = False
    never_waits = True

    def __init__(self, seat: str, seed: int, tactic: Tactic, style: PromptStyle) -> None:
        self.conversation = Conversation(seat, style)
        self._tactic = tactic
        self._rng = generator(seat, seed)
        self._heard: list[float] = []
        self._asked: float | None = None

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        self.conversation.observe(observation, info)
        text = self._text(_view(info))
        self.conversation.reply(observation["turn"], text)
        return text

    def _text(self, view: Any) -> str:
        move, occasion = self._move(view)
        return _words(view, move, occasion, self._rng)

    def _move(self, view: Any) -> tuple[object | None, Occasion]:
        bargainer = BARGAINERS[type(view)]
        worth = bargainer.worth_of_partner_offer(view)
        if worth is not None:
            self._heard.append(worth)
        shake = float(self._rng.standard_normal())
        aspiration = self._tactic.aspiration(_moment(view, self._heard, shake))
        if worth is not None and worth >= aspiration - 1e-9:
            answer = bargainer.answer(view, accepts=True)
            if answer is not None:
                return answer, "accepting"
        refusal = bargainer.answer(view, accepts=False)
        if refusal is not None:
            return refusal, "refusing"
        before, self._asked = self._asked, aspiration
        occasion: Occasion = "opening" if before is None else "holding"
        if before is not None and aspiration < before - 1e-9:
            occasion = "conceding"
        return bargainer.offer(view, aspiration, self._rng), occasion


class RandomLegalAgent:
    """Makes uniformly random legal moves (kind first, then values); small talk in between."""

    is_privileged = False
    never_waits = True

    def __init__(self, seat: str, seed: int, style: PromptStyle) -> None:
        self.conversation = Conversation(seat, style)
        self._rng = generator(seat, seed)

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        self.conversation.observe(observation, info)
        view = info.get("game")
        options = getattr(view, "options", None)
        if options is None:
            view = _view(info)
            text = _words(
                view, BARGAINERS[type(view)].sample(view, self._rng), "holding", self._rng
            )
        elif options:
            text = options[int(self._rng.integers(len(options)))]
        else:
            text = sentence("holding", self._rng)
        self.conversation.reply(observation["turn"], text)
        return text


class SolverAgent:
    """Knows the solution of the game: asks for its own ideal, and takes what is left at the end.

    Near-optimal against partners that concede as time runs out or give in at their last turn. A
    partner who never moves may be of neither kind: what it offers is taken unless it is next to
    nothing. Being privileged, it is no baseline for policies.
    """

    is_privileged = True
    never_waits = True

    def __init__(self, seat: str, seed: int, style: PromptStyle) -> None:
        self.conversation = Conversation(seat, style)
        self._rng = generator(seat, seed)
        self._seat = int(seat.removeprefix("agent_"))
        self._heard: list[float] = []

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        self.conversation.observe(observation, info)
        text = self._text(_view(info), info["solution"])
        self.conversation.reply(observation["turn"], text)
        return text

    def _text(self, view: Any, solution: Any) -> str:
        bargainer = BARGAINERS[type(view)]
        worth = bargainer.worth_of_partner_offer(view)
        if worth is not None:
            self._heard.append(worth)
        moment = _moment(view, self._heard)
        is_final = bargainer.is_final(view)
        is_firm = len(self._heard) > 1 and _LITTLE <= self._heard[-1] <= self._heard[0]
        is_last_chance = is_final or (moment.time >= 1 and (moment.has_last_word or is_firm))
        if is_last_chance and worth is not None and worth >= 0:
            return _words(view, bargainer.answer(view, accepts=True), "accepting", self._rng)
        if is_final or not solution.best:
            return _words(view, None, "refusing", self._rng)
        return _words(view, solution.best[self._seat], "holding", self._rng)


def _view(info: dict[str, Any]) -> Any:
    view = info.get("game")
    if type(view) not in BARGAINERS:
        known = ", ".join(kind.__name__ for kind in BARGAINERS)
        raise AgentError(
            f"scripted agents play games with a bargainer ({known}), not {type(view).__name__}"
        )
    return view


def _words(view: Any, move: object | None, occasion: Occasion, rng: np.random.Generator) -> str:
    said = sentence(occasion, rng)
    return said if move is None else f"{BARGAINERS[type(view)].game.render(move)}\n{said}"


def _moment(view: Any, heard: list[float], shake: float = 0.0) -> Moment:
    last_turn = view.deadline - 1
    own_last = last_turn - (last_turn - view.turn) % 2
    time = view.turn / own_last if own_last > 0 else 1.0
    return Moment(min(1.0, time), own_last == last_turn, heard, shake)


def generator(seat: str, seed: int) -> np.random.Generator:
    """One for each seat of an episode."""
    return np.random.default_rng([zlib.crc32(seat.encode()), seed])
