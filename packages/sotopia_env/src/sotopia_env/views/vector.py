"""Many single-agent views in one process, as a `gymnasium.vector.VectorEnv`.

A turn of a text game takes microseconds, so other processes would cost more than they bring; what
does take time, partners and judges that are models, is awaited for all environments at once.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, iterate

from ..actions import ActionLike
from ..errors import ConfigurationError
from ..waiting import run_at_once, wait_for
from .gymnasium import SingleAgentView


class VectorView(VectorEnv[dict[str, Any], Any, Any]):
    """Views of the same kind, each at its own episode.

    Observations are `{"text": n strings in a tuple, "turn": (n,), "actions": (n, 5)}`. `step` takes
    n actions of any form that an environment takes, or a sample of the batched action space. An
    environment that has ended is reset by the next `step`, whose action for it is not looked at
    (`AutoresetMode.NEXT_STEP`).

    Args:
        views: the environments; at least one.

    Raises:
        ConfigurationError: for none.
        Unscored: from `step`, when an episode has no reward because its judge failed.
    """

    def __init__(self, views: Sequence[SingleAgentView]) -> None:
        if not views:
            raise ConfigurationError("num_envs must be at least 1, got 0")
        self.views = list(views)
        self.num_envs = num_envs = len(views)
        first = self.views[0]
        self.metadata = {**first.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}
        self.render_mode = first.render_mode
        self.single_observation_space = first.observation_space
        self.single_action_space = first.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._ended = [False] * num_envs

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start all episodes; an `int` seeds them `seed`, `seed + 1`, ..."""
        seeds = [seed + n for n in range(self.num_envs)] if isinstance(seed, int) else seed
        seeds = [None] * self.num_envs if seeds is None else list(seeds)
        if len(seeds) != self.num_envs:
            raise ConfigurationError(f"{len(seeds)} seeds for {self.num_envs} environments")
        self._ended = [False] * self.num_envs
        started = [
            view.reset(seed=one, options=options)
            for view, one in zip(self.views, seeds, strict=True)
        ]
        return self._batched(observation for observation, _ in started), self._infos(
            info for _, info in started
        )

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        given = list(iterate(self.action_space, actions)) if isinstance(actions, dict) else actions
        if len(given) != self.num_envs:
            raise ConfigurationError(f"{len(given)} actions for {self.num_envs} environments")
        steps = [self._one(n, action) for n, action in enumerate(given)]
        if any(view.waits() for view in self.views):
            results = wait_for(_all(steps))
        else:
            results = [run_at_once(step) for step in steps]
        self._ended = [terminated or truncated for _, _, terminated, truncated, _ in results]
        return (
            self._batched(r[0] for r in results),
            np.array([r[1] for r in results], dtype=np.float64),
            np.array([r[2] for r in results], dtype=np.bool_),
            np.array([r[3] for r in results], dtype=np.bool_),
            self._infos(r[4] for r in results),
        )

    async def _one(
        self, number: int, action: ActionLike
    ) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        view = self.views[number]
        if not self._ended[number]:
            return await view.step_async(action)
        observation, info = await view.start_async(view.next_seed())
        return observation, 0.0, False, False, info

    def _batched(self, observations: Iterable[dict[str, Any]]) -> dict[str, Any]:
        new = list(observations)
        return {
            "text": tuple(o["text"] for o in new),
            "turn": np.array([o["turn"] for o in new], dtype=np.int64),
            "actions": np.stack([o["actions"] for o in new]),
        }

    def _infos(self, infos: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """In Gymnasium's form: an array a key, and beside it who has that key."""
        batched: dict[str, Any] = {}
        for number, info in enumerate(infos):
            for key, value in info.items():
                if key not in batched:
                    batched[key] = np.full(self.num_envs, None, dtype=object)
                    batched[f"_{key}"] = np.zeros(self.num_envs, dtype=np.bool_)
                batched[key][number], batched[f"_{key}"][number] = value, True
        return batched

    def render(self) -> tuple[Any, ...]:
        return tuple(view.render() for view in self.views)

    def close_extras(self, **_: Any) -> None:
        for view in self.views:
            view.close()


async def _all(steps: Sequence[Any]) -> list[Any]:
    return list(await asyncio.gather(*steps))
