"""Reward wrappers: they turn an evaluation into rewards and can be stacked on any environment."""

import math
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias, get_args

from pettingzoo.utils.wrappers import BaseParallelWrapper

from .actions import ActionLike
from .episode import Evaluation
from .errors import one_of
from .evaluators import Evaluator, GameOutcome

Mode: TypeAlias = Literal["share", "utility", "win"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)


class RewardWrapper(BaseParallelWrapper[str, Any, Any]):
    """Adds `weight * score` of one dimension to the rewards when the episode ends.

    `infos[seat]["reward_components"]` holds the unweighted score as `source/dimension` and
    `infos[seat]["evaluation"]` the evaluation with its reasons. `final_rewards` covers every seat,
    those that left early too. Unscored: the reward is NaN and `infos[seat]["unscored"]` says why.

    Args:
        env: a `SotopiaEnv`, or another wrapper around one.
        evaluator: maps the transcript to scores; called once, after the last turn.
        dimension: which of its scores becomes reward.
        weight: factor of this source in the sum.
    """

    env: Any

    def __init__(
        self, env: Any, evaluator: Evaluator, *, dimension: str, weight: float = 1.0
    ) -> None:
        super().__init__(env)
        self.evaluator, self.dimension, self.weight = evaluator, dimension, weight
        self.evaluation: Evaluation | None = None

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        self.evaluation = None
        started: tuple[dict[str, Any], dict[str, Any]]
        started = self.env.reset(seed=seed, options=options)
        return started

    def step(self, actions: Mapping[str, ActionLike]) -> Any:
        result = self.env.step(actions)
        return result if self.env.agents else self._rewarded(result)

    # PettingZoo's own wrapper finds these by `__getattr__`, at the price of a third of a move.
    agents: Any = property(attrgetter("env.agents"), doc="Seats still in the episode.")
    possible_agents: Any = property(attrgetter("env.possible_agents"), doc="Every seat.")
    turn_order: Any = property(attrgetter("env.turn_order"), doc="Seats that may act now.")

    def restore(self, snapshot: Any) -> None:
        """Go back to a position; an evaluation of a later one is forgotten."""
        self.evaluation = None
        self.env.restore(snapshot)

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Of this wrapper and those it wraps, innermost first."""
        inner: tuple[Evaluation, ...] = getattr(self.env, "evaluations", ())
        return inner if self.evaluation is None else (*inner, self.evaluation)

    def _rewarded(self, result: Any) -> Any:
        _, rewards, _, _, infos = result
        self.evaluation = evaluation = self.evaluator.evaluate(self.env.transcript)
        component = f"{evaluation.source}/{self.dimension}"
        totals = self.env.final_rewards
        for seat in self.env.possible_agents:
            score = evaluation.scores.get(seat, {}).get(self.dimension)
            value = math.nan if score is None else self.weight * score
            totals[seat] += value
            if seat not in rewards:
                continue
            rewards[seat] += value
            infos[seat]["evaluation"] = evaluation
            if score is None:
                infos[seat]["unscored"] = evaluation.unscored or f"{component} means nothing here"
            else:
                infos[seat]["reward_components"][component] = score
        return result


class VerifiableReward(RewardWrapper):
    """Exact rewards of a verifiable game.

    Modes: `share` (of the achievable surplus; above 1 only where the partner accepts a loss),
    `utility` (the game's own units) and `win` (+1, 0, -1); see `GameOutcome` for their definitions.
    """

    def __init__(self, env: Any, *, mode: Mode = "share", weight: float = 1.0) -> None:
        one_of(MODES, mode, "reward mode")
        super().__init__(env, GameOutcome(), dimension=mode, weight=weight)
