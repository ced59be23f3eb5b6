"""Many single-agent views in one process, as a `gymnasium.vector.VectorEnv`.

A turn of a text game takes microseconds, so other processes would cost more than they bring; what
does take time, partners and judges that are models, is awaited for all environments at once.
"""

import math
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, iterate
from numpy.typing import NDArray

from ..actions import ActionLike, as_action
from ..errors import ActionError, ConfigurationError, SotopiaError
from ..waiting import all_of, run_at_once, wait_for
from .gymnasium import Result, SingleAgentView

T = TypeVar("T")

_MASK: Final = "reset_mask"
"""Gymnasium's name of the option that chooses which environments are reset."""


class VectorView(VectorEnv[dict[str, Any], Any, Any]):
    """Views of the same kind, each at its own episode.

    Observations are `{"text": n strings in a tuple, "turn": (n,), "actions": (n, 5)}`; infos hold
    an array `(n,)` a key, and beside it, with `_` before the key, who has it. An environment that
    has ended is reset by the next `step`, whose action for it is not looked at
    (`AutoresetMode.NEXT_STEP`).

    What goes wrong in one environment costs the others nothing. An episode without a score has the
    reward NaN, and `infos["unscored"]` its reason; one whose partner failed is truncated, with the
    reward NaN and the failure in `infos["failed"]`.

    Args:
        views: the environments; at least one.

    Raises:
        ConfigurationError: for none.
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
        self._keys = tuple(first.env.possible_agents)
        self._ended = [False] * num_envs
        self._shown: list[dict[str, Any]] = [{}] * num_envs
        """The latest observations; empty ones before the first reset."""

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start all episodes, or those of `options["reset_mask"]`, `(n,)` truth values.

        An `int` seeds them `seed`, `seed + 1`, ...; of a masked reset the observations of the
        others are their latest ones, and the infos have nothing of them.

        Raises:
            ConfigurationError: for seeds or a mask that are none.
            SotopiaError: when a partner failed before the learner's first turn.
        """
        seeds = seeds_for(seed, self.num_envs)
        mask, others = self._masked(options)
        chosen = [n for n, is_chosen in enumerate(mask) if is_chosen]
        for n in chosen:
            self._ended[n] = True  # and begun anew by the next step, should it fail now
            self.views[n].begin(seeds[n], others)
        opened = self._run(self.views[n].opened() for n in chosen)
        for n, (observation, _) in zip(chosen, opened, strict=True):
            self._shown[n], self._ended[n] = observation, False
        return self._batched(), self._infos(dict(zip(chosen, (i for _, i in opened), strict=True)))

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """One step of every environment; partners and judges that are models are awaited together.

        Takes n actions of any form that an environment takes, or a sample of the batched action
        space. Returns observations, rewards, terminated and truncated, each `(n,)`, and infos.

        Raises:
            ActionError: for a value that is no action, before anything is played, and before the
                first reset.
            ConfigurationError: for another number of actions.
        """
        given = self._read(actions)
        for view, has_ended in zip(self.views, self._ended, strict=True):
            if has_ended:
                view.begin()
        results = self._run(self._one(n, action) for n, action in enumerate(given))
        self._shown = [observation for observation, *_ in results]
        self._ended = [terminated or truncated for _, _, terminated, truncated, _ in results]
        return (
            self._batched(),
            np.array([reward for _, reward, *_ in results], dtype=np.float64),
            np.array([terminated for _, _, terminated, *_ in results], dtype=np.bool_),
            np.array([truncated for *_, truncated, _ in results], dtype=np.bool_),
            self._infos(dict(enumerate(info for *_, info in results))),
        )

    async def _one(self, number: int, action: ActionLike) -> Result:
        """A step of one environment; where a partner fails, its episode ends."""
        view = self.views[number]
        try:
            if not self._ended[number]:
                return await view.play(action)
            observation, info = await view.opened()
        except ConfigurationError:
            raise
        except SotopiaError as error:
            observation, info = view.shown()
            failure = {"failed": f"{type(error).__name__}: {error}"}
            return observation, math.nan, False, True, {**info, **failure}
        return observation, 0.0, False, False, info

    def _run(self, work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """All of them at once where one may wait, otherwise one after the other, on the spot."""
        if any(view.waits() for view in self.views):
            return wait_for(all_of(work))
        return [run_at_once(one) for one in work]

    def _read(self, actions: Any) -> list[ActionLike]:
        """One action for each environment, checked where it will be played."""
        if not all(self._shown):
            raise ActionError("the episodes are not started: call reset()")
        if isinstance(actions, dict):
            actions = iterate(self.action_space, actions)
        elif isinstance(actions, np.ndarray):
            actions = actions.tolist()
        if isinstance(actions, str) or not isinstance(actions, Iterable):
            raise ActionError(f"step takes one action for each environment, got {actions!r:.80}")
        given = list(actions)
        if len(given) != self.num_envs:
            raise ConfigurationError(f"{len(given)} actions for {self.num_envs} environments")
        for number, action in enumerate(given):
            if not self._ended[number]:
                try:
                    as_action(action, self._keys)
                except ActionError as error:
                    raise ActionError(f"environment {number}: {error}") from error
        return given

    def _masked(
        self, options: Mapping[str, Any] | None
    ) -> tuple[NDArray[np.bool_], Mapping[str, Any] | None]:
        """Which environments are to be reset, and the other options."""
        everybody = np.ones(self.num_envs, dtype=np.bool_)
        if options is None or _MASK not in options:
            return everybody, options
        mask = options[_MASK]
        is_array = isinstance(mask, np.ndarray) and mask.dtype == np.bool_
        if not is_array or mask.shape != everybody.shape or not mask.any():
            raise ConfigurationError(
                f"{_MASK} is an array of {self.num_envs} truth values, one of them true, "
                f"got {mask!r:.80}"
            )
        for number, (is_chosen, shown) in enumerate(zip(mask, self._shown, strict=True)):
            if not is_chosen and not shown:
                raise ConfigurationError(
                    f"environment {number} was never reset; begin with a reset of all"
                )
        return mask, {name: value for name, value in options.items() if name != _MASK}

    def _batched(self) -> dict[str, Any]:
        return {
            "text": tuple(o["text"] for o in self._shown),
            "turn": np.array([o["turn"] for o in self._shown], dtype=np.int64),
            "actions": np.stack([o["actions"] for o in self._shown]),
        }

    def _infos(self, infos: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
        """In Gymnasium's form, from those of the environments by number."""
        batched: dict[str, Any] = {}
        for number, info in infos.items():
            for key, value in info.items():
                if key not in batched:
                    batched[key] = np.full(self.num_envs, None, dtype=object)
                    batched[f"_{key}"] = np.zeros(self.num_envs, dtype=np.bool_)
                batched[key][number], batched[f"_{key}"][number] = value, True
        return batched

    def render(self) -> tuple[Any, ...]:
        """What each environment renders, `(n,)`."""
        return tuple(view.render() for view in self.views)

    def close_extras(self, **_: Any) -> None:
        """Close all environments."""
        for view in self.views:
            view.close()


def seeds_for(seed: int | Sequence[int | None] | None, count: int) -> list[int | None]:
    """One seed for each of `count` environments: `seed`, `seed + 1`, ..., or those given.

    Raises:
        ConfigurationError: for what is no seed, or another number of them.
    """
    if seed is None:
        return [None] * count
    if isinstance(seed, int | np.integer):
        return [int(seed) + number for number in range(count)]
    if isinstance(seed, str) or not isinstance(seed, Sequence | np.ndarray):
        raise ConfigurationError(
            f"a seed is a whole number, or one for each environment, got {seed!r:.80}"
        )
    if len(seed) != count:
        raise ConfigurationError(f"{len(seed)} seeds for {count} environments")
    return list(seed)
