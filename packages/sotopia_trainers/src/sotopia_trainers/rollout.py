"""Games of a policy as training rows, with the tokens it saw and produced."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from sotopia_env.actions import ActionLike
from sotopia_env.episode import Episode
from sotopia_env.errors import ConfigurationError
from sotopia_env.moves import MoveGrammar
from sotopia_env.prompts import Conversation, read_reply
from sotopia_env.scenarios.families import load_family

from .chat_tokens import ChatTokens
from .sampling import SampledContext, Sampler
from .settings import Credit


class PolicyAgent:
    """A seat played by a policy; records the exact tokens of every decision."""

    is_privileged = False

    def __init__(self, seat: str, seed: int, sampler: Sampler) -> None:
        policy = sampler.policy
        self.conversation = Conversation(seat, policy.record.style)
        self._sampler, self._chat = sampler, policy.chat
        self._context = SampledContext(np.random.default_rng([zlib.crc32(seat.encode()), seed, 1]))
        self._was_cut = False

    async def act(self, observation: dict[str, Any], info: dict[str, Any]) -> ActionLike:
        talk = self.conversation
        first = not talk.messages
        messages = talk.observe(observation, info)
        new_ids = self._chat.open(messages) if first else self._chat.between(messages)
        if self._was_cut:
            new_ids = [self._chat.stop_id, *new_ids]
        talk.token_ids += new_ids
        turn = await self._sampler.sample(self._context, new_ids)
        start = len(talk.token_ids)
        talk.token_ids += turn.token_ids
        self._was_cut = turn.token_ids[-1] != self._chat.stop_id
        text = self._chat.decode(turn.token_ids)
        talk.reply(
            observation["turn"],
            text,
            token_span=(start, len(talk.token_ids)),
            logprobs=tuple(turn.logprobs),
        )
        return read_reply(text)


@dataclass(slots=True)
class Row:
    """One learner seat of one game as a training row.

    `completion_ids`, `logprobs`, `is_own` and `is_credited` are one a token after the prompt:
    `is_own` marks the tokens the seat itself produced, `is_credited` those of them that the outcome
    is attributed to.
    """

    prompt_ids: list[int]
    completion_ids: list[int]
    logprobs: list[float]
    is_own: list[int]
    is_credited: list[int]
    invalid_moves: int = 0
    """How many of the seat's moves in the game did not count."""


def row_of(episode: Episode, seat: str, chat: ChatTokens, credit: Credit = "utterance") -> Row:
    """Project a seat's context to a row, tokens as they were sampled.

    `credit` says which of the own tokens the outcome is attributed to: the whole `utterance`, or
    the line of the formal `move` in it. Where formal moves alone decide, as in a verifiable game
    against scripted partners, the other words cannot have caused the outcome. A turn without a move
    is credited as a whole: it is the decision not to make one. A game that ended before the seat
    could act gives a row of one token, which is not its own.

    Raises:
        ConfigurationError: when the seat was not played by a policy.
    """
    record = episode.seats[seat]
    if not record.decisions:
        return Row([chat.stop_id], [chat.stop_id], [0.0], [0], [0])
    spans = [decision.token_span for decision in record.decisions if decision.token_span]
    ids = None if record.context is None else record.context.token_ids
    if ids is None or len(spans) < len(record.decisions):
        raise ConfigurationError(
            f"{seat} of episode {episode.key} was played by {record.agent}: "
            "it has no tokens to train on"
        )
    first, last = spans[0][0], spans[-1][1]
    size = last - first
    row = Row(list(ids[:first]), list(ids[first:last]), [0.0] * size, [0] * size, [0] * size)
    row.invalid_moves = record.invalid_moves
    grammar = _grammar(episode) if credit == "move" else None
    for decision in record.decisions:
        if decision.token_span is None or decision.logprobs is None:
            continue
        start, end = (place - first for place in decision.token_span)
        row.logprobs[start:end] = decision.logprobs
        row.is_own[start:end] = [1] * (end - start)
        row.is_credited[start:end] = _credited(row.completion_ids[start:end], chat, grammar)
    return row


def _credited(ids: list[int], chat: ChatTokens, grammar: MoveGrammar | None) -> list[int]:
    """1 for the tokens of a turn that overlap the line of its move."""
    if grammar is None:
        return [1] * len(ids)
    span = grammar.span(chat.decode(ids))
    if span is None:
        return [1] * len(ids)
    ends = [len(chat.decode(ids[: n + 1])) for n in range(len(ids))]
    starts = [0, *ends[:-1]]
    return [int(s < span[1] and e > span[0]) for s, e in zip(starts, ends, strict=True)]


def _grammar(episode: Episode) -> MoveGrammar | None:
    game = episode.scenario.game
    return None if game is None else load_family(game.family).game.grammar
