"""Token-exact sampling for many games at once.

A sampler waits until every live game is waiting for it, and then samples all their turns in one
batch, with the keys and values of earlier turns kept. What a model saw and produced is recorded as
token ids; nothing is ever tokenised twice.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin

from sotopia_env.errors import ConfigurationError

from .policy import Policy

_GROWTH: Final = 64
"""Columns by which a cache grows at a time."""
_COMPACT_BELOW: Final = 0.75
"""A batch is cut down to its live rows when fewer than this fraction are left."""


@dataclass(slots=True)
class Turn:
    """One sampled assistant turn."""

    token_ids: list[int]
    """With the stop token, unless the turn was cut at its longest length."""
    logprobs: list[float]
    """Natural logarithms at the sampling temperature, one a token."""


class Sampler(Protocol):
    """Samples assistant turns."""

    policy: Policy

    async def sample(self, context: "SampledContext", new_ids: list[int]) -> Turn:
        """The next assistant turn after appending `new_ids` to what the model has seen."""


@dataclass(slots=True, eq=False)
class SampledContext:
    """One seat's place in a sampler: its generator, its tokens, and where their keys lie."""

    rng: np.random.Generator
    ids: list[int] = field(default_factory=list)
    """All tokens so far, seen or produced."""
    fed: int = 0
    """How many of them the keys and values in `batch` cover."""
    batch: "_Batch | None" = None
    row: int = -1


class TransformersSampler:
    """Samples with a transformers model, batched over games, keys and values kept between turns.

    Args:
        policy: the model is used as it is, on its device, in evaluation mode.
        temperature: of sampling, by default the policy's own; log-probabilities are at it.
        max_turn_tokens: longest turn; by default the policy's own.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        temperature: float | None = None,
        max_turn_tokens: int | None = None,
    ) -> None:
        temperature = policy.record.temperature if temperature is None else temperature
        if not 0 < temperature < math.inf:
            raise ConfigurationError(f"temperature must be above 0, got {temperature}")
        self.policy, self._temperature = policy, temperature
        self._max_tokens = max_turn_tokens or policy.record.max_turn_tokens
        self._waiting: list[SampledContext] = []
        self._flush: asyncio.Task[dict[SampledContext, Turn]] | None = None

    async def sample(self, context: SampledContext, new_ids: list[int]) -> Turn:
        context.ids += new_ids
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._sample_when_quiet())
        self._waiting.append(context)
        try:
            # all games wait for one task: its error is theirs, and one that is cancelled leaves it
            turns = await asyncio.shield(self._flush)
        except asyncio.CancelledError:
            if context in self._waiting:
                self._waiting.remove(context)
            raise
        return turns[context]

    async def _sample_when_quiet(self) -> dict[SampledContext, Turn]:
        """Wait for the other games: sample once a pass of the loop has brought no new one."""
        seen = 0
        while len(self._waiting) > seen:
            seen = len(self._waiting)
            await asyncio.sleep(0)
        contexts, self._waiting = self._waiting, []
        turns: dict[SampledContext, Turn] = {}
        for group in _by_batch(contexts):
            turns.update(zip(group, self._turns(group), strict=True))
        return turns

    def _turns(self, contexts: list[SampledContext]) -> list[Turn]:
        batch = contexts[0].batch
        if batch is None:
            batch = _Batch(self.policy.model, contexts)
        elif len(contexts) < _COMPACT_BELOW * batch.size:
            batch.keep(contexts)
        uniforms = np.stack([context.rng.random(self._max_tokens) for context in contexts])
        return batch.sample(contexts, uniforms, self._temperature, self.policy.chat.stop_id)


def _by_batch(contexts: Sequence[SampledContext]) -> list[list[SampledContext]]:
    """Contexts that share a batch; those without one make a new one."""
    groups: dict[int, list[SampledContext]] = {}
    for context in contexts:
        groups.setdefault(id(context.batch), []).append(context)
    return list(groups.values())


class _RowsLayer(CacheLayerMixin):
    """Keys and values `(rows, heads, columns, width)` in storage that grows by whole blocks."""

    is_sliding = False
    keys: Tensor
    values: Tensor

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        rows, heads, columns, width = key_states.shape
        shape = (rows, heads, columns + _GROWTH, width)
        self.keys = key_states.new_empty(shape)
        self.values = value_states.new_empty((*shape[:3], value_states.shape[-1]))
        self.filled = 0
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.filled + key_states.shape[-2]
        if end > self.keys.shape[-2]:
            self.keys = _grown(self.keys, end + _GROWTH)
            self.values = _grown(self.values, end + _GROWTH)
        self.keys[:, :, self.filled : end] = key_states
        self.values[:, :, self.filled : end] = value_states
        self.filled = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        return self.filled if self.is_initialized else 0

    def get_max_length(self) -> int:
        return -1


def _grown(storage: Tensor, columns: int) -> Tensor:
    rows, heads, filled, width = storage.shape
    grown = storage.new_empty((rows, heads, columns, width))
    grown[:, :, :filled] = storage
    return grown


@dataclass(slots=True, eq=False)
class _Batch:
    """Contexts that advance together: one row each, padded where others have more to say.

    Columns are shared by all rows; a column in which a row has nothing is masked for that row, and
    positions count real tokens only, so that every row is computed as if it were alone.
    """

    model: Any
    contexts: list[SampledContext]
    cache: Cache = field(init=False)
    mask: Tensor = field(init=False)
    """`(rows, columns)`: 1 where a row has a token."""
    lengths: Tensor = field(init=False)
    """`(rows,)`: real tokens so far."""

    def __post_init__(self) -> None:
        self.cache = Cache(layer_class_to_replicate=_RowsLayer)
        device = self.model.device
        self.mask = torch.zeros((len(self.contexts), 0), dtype=torch.long, device=device)
        self.lengths = torch.zeros(len(self.contexts), dtype=torch.long, device=device)
        for row, context in enumerate(self.contexts):
            context.batch, context.row, context.fed = self, row, 0

    @property
    def size(self) -> int:
        return len(self.contexts)

    def keep(self, contexts: list[SampledContext]) -> None:
        """Forget all rows but these; a forgotten context that speaks again begins a new batch.

        Columns nobody uses any more stay masked.
        """
        rows = [context.row for context in contexts]
        index: Any = torch.tensor(rows, device=self.mask.device)
        self.cache.reorder_cache(index)
        self.mask, self.lengths = self.mask[index], self.lengths[index]
        for context in self.contexts:
            context.batch = None
        self.contexts = contexts
        for row, context in enumerate(contexts):
            context.batch, context.row = self, row

    @torch.inference_mode()
    def sample(
        self,
        contexts: list[SampledContext],
        uniforms: np.ndarray[Any, np.dtype[np.float64]],
        temperature: float,
        stop_id: int,
    ) -> list[Turn]:
        """Feed what is new of the given contexts and sample one turn for each.

        `uniforms` `(len(contexts), max_tokens)` decides every token by inversion, so that a turn
        depends on its context's own generator only.
        """
        device = self.mask.device
        rows = [context.row for context in contexts]
        chunk: list[list[int]] = [[] for _ in range(self.size)]
        for context in contexts:
            chunk[context.row] = context.ids[context.fed :]
        logits = self._feed(chunk)
        live = torch.tensor(rows, device=device)
        order = torch.arange(len(rows), device=device)
        draws = torch.from_numpy(uniforms).to(device)
        turns = [Turn([], []) for _ in rows]
        for step in range(uniforms.shape[1]):
            tokens, logprobs = _draw(logits[live], draws[order, step], temperature)
            for place, token, logprob in zip(
                order.tolist(), tokens.tolist(), logprobs.tolist(), strict=True
            ):
                turns[place].token_ids.append(token)
                turns[place].logprobs.append(logprob)
            goes_on = tokens != stop_id
            if step + 1 == uniforms.shape[1] or not bool(goes_on.any()):
                break
            live, order, tokens = live[goes_on], order[goes_on], tokens[goes_on]
            logits = self._feed_one(live, tokens)
        for context, turn in zip(contexts, turns, strict=True):
            context.ids += turn.token_ids
            context.fed = len(context.ids) - 1  # the last token is fed with the next turn
        return turns

    def _feed(self, chunk: list[list[int]]) -> Tensor:
        """Feed each row its ids, right-aligned; the logits after the last, `(rows, vocabulary)`."""
        width = max(len(ids) for ids in chunk)
        ids = torch.zeros((self.size, width), dtype=torch.long)
        mask = torch.zeros((self.size, width), dtype=torch.long)
        for row, tokens in enumerate(chunk):
            if tokens:
                ids[row, width - len(tokens) :] = torch.tensor(tokens)
                mask[row, width - len(tokens) :] = 1
        return self._forward(ids.to(self.mask.device), mask.to(self.mask.device))

    def _feed_one(self, rows: Tensor, tokens: Tensor) -> Tensor:
        ids = torch.zeros((self.size, 1), dtype=torch.long, device=self.mask.device)
        mask = torch.zeros_like(ids)
        ids[rows, 0], mask[rows, 0] = tokens, 1
        return self._forward(ids, mask)

    def _forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        self.mask = torch.cat([self.mask, mask], dim=1)
        positions = (self.lengths[:, None] + mask.cumsum(1) - 1).clamp(min=0)
        self.lengths = self.lengths + mask.sum(1)
        output = self.model(
            input_ids=ids,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1]
        return logits


def _draw(logits: Tensor, uniforms: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """One token a row by inversion of the cumulative distribution, with its log-probability."""
    logprobs = torch.log_softmax(logits.float() / temperature, dim=-1)
    cumulative = logprobs.double().exp().cumsum(-1)
    wanted = (uniforms * cumulative[:, -1])[:, None]
    tokens = torch.searchsorted(cumulative, wanted, right=True).squeeze(1)
    tokens = tokens.clamp(max=logits.shape[-1] - 1)
    return tokens, logprobs.gather(1, tokens[:, None]).squeeze(1)
