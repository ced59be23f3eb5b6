"""Reward wrappers around the environment: one evaluator each, stackable, weights in the open."""

import inspect
import math
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias, get_args

from pettingzoo.utils.wrappers import BaseParallelWrapper

from .actions import ActionLike
from .episode import Evaluation
from .errors import ConfigurationError, one_of
from .evaluators import Dimension, Evaluator, GameOutcome, Judge
from .waiting import wait_for

Mode: TypeAlias = Literal["share", "utility", "win"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)


class RewardWrapper(BaseParallelWrapper[str, Any, Any]):
    """Adds `weight * sum of (weights[dimension] * score)` to the rewards.

    A `per_turn` evaluator is asked after every turn, all others when the episode ends; rewards of
    other turns are left as they are. `infos[seat]["reward_components"]` holds the unweighted scores
    as `source/dimension`; the reasons, which may tell of other seats' secrets, are in
    `evaluation`. `final_rewards` sums up what every seat got, those that left early too. Unscored:
    the reward is NaN and `infos[seat]["unscored"]` says why.

    `step` waits for an evaluator that calls a model; in a running loop await `step_async` instead.

    Args:
        env: a `SotopiaEnv`, or another wrapper around one.
        evaluator: maps the transcript to scores, at once or awaited.
        dimension: the one of its scores that becomes reward.
        weights: or several, with their weights.
        weight: factor of this source in the sum.

    Raises:
        ConfigurationError: unless exactly one of `dimension` and `weights` is given.
    """

    env: Any

    def __init__(
        self,
        env: Any,
        evaluator: Evaluator | Judge,
        *,
        dimension: str | None = None,
        weights: Mapping[str, float] | None = None,
        weight: float = 1.0,
    ) -> None:
        super().__init__(env)
        if (dimension is None) == (not weights):
            raise ConfigurationError("a reward needs a dimension, or weights of several")
        self.evaluator: Any = evaluator
        self.weights = dict(weights) if weights else {str(dimension): 1.0}
        self.weight = weight
        self.evaluation: Evaluation | None = None
        """The latest one."""
        self.is_per_turn = bool(getattr(evaluator, "per_turn", False))
        self._waits = inspect.iscoroutinefunction(evaluator.evaluate)
        self.is_async: bool = self._waits or getattr(env, "is_async", False)
        """Whether a model is asked in `step`."""

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        self.evaluation = None
        started: tuple[dict[str, Any], dict[str, Any]]
        started = self.env.reset(seed=seed, options=options)
        return started

    def step(self, actions: Mapping[str, ActionLike]) -> Any:
        result = self.env.step(actions)
        if self.env.agents and not self.is_per_turn:
            return result
        verdict = self.evaluator.evaluate(self.env.transcript)
        return self._rewarded(result, wait_for(verdict) if self._waits else verdict)

    async def step_async(self, actions: Mapping[str, ActionLike]) -> Any:
        """The same as `step`, awaiting models."""
        if getattr(self.env, "is_async", False):
            result = await self.env.step_async(actions)
        else:
            result = self.env.step(actions)
        if self.env.agents and not self.is_per_turn:
            return result
        verdict = self.evaluator.evaluate(self.env.transcript)
        return self._rewarded(result, await verdict if self._waits else verdict)

    def close(self) -> None:
        if hasattr(self.evaluator, "close"):
            wait_for(self.evaluator.close())
        self.env.close()

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
        """The latest of this wrapper and of those it wraps, innermost first."""
        inner: tuple[Evaluation, ...] = getattr(self.env, "evaluations", ())
        return inner if self.evaluation is None else (*inner, self.evaluation)

    def _rewarded(self, result: Any, evaluation: Evaluation) -> Any:
        _, rewards, _, _, infos = result
        self.evaluation = evaluation
        totals = self.env.final_rewards
        for seat in self.env.possible_agents:
            scores = evaluation.scores.get(seat, {})
            missing = [name for name in self.weights if name not in scores]
            value = math.nan
            if not missing:
                value = self.weight * sum(w * scores[name] for name, w in self.weights.items())
            totals[seat] += value
            if seat not in rewards:
                continue
            rewards[seat] += value
            info = infos[seat]
            if missing:
                unscored = f"{evaluation.source}/{missing[0]} means nothing here"
                info["unscored"] = evaluation.unscored or unscored
            components = info["reward_components"]
            for name, score in scores.items():
                components[f"{evaluation.source}/{name}"] = score
        return result


class VerifiableReward(RewardWrapper):
    """Exact rewards of a verifiable game.

    Modes: `share` (of the achievable surplus; above 1 only where the partner accepts a loss),
    `utility` (the game's own units) and `win` (+1, 0, -1); see `GameOutcome` for their definitions.
    """

    def __init__(self, env: Any, *, mode: Mode = "share", weight: float = 1.0) -> None:
        one_of(MODES, mode, "reward mode")
        super().__init__(env, GameOutcome(), dimension=mode, weight=weight)


class JudgeReward(RewardWrapper):
    """Rewards of a judge, by default the published overall score: the mean of all dimensions.

    `infos[seat]["complete_rating"]` is, at the end, `(overall, {dimension: score, ...,
    "overall_score": overall})` as published; absent before it and where nothing was scored.

    Args:
        env: a `SotopiaEnv`, or another wrapper around one.
        judge: a model such as `openai/gpt-4o`, or any evaluator, awaited or not.
        dimensions: what a model is asked to score; name of a rubric, or dimensions.
        weights: of each dimension in the reward; by default all alike, adding up to 1.
        weight: factor of this source in the sum.

    Raises:
        ConfigurationError: for a judge that is none, or a weight of a dimension it does not score.
    """

    def __init__(
        self,
        env: Any,
        judge: str | Evaluator | Judge,
        *,
        dimensions: str | Sequence[str | Dimension] = "sotopia",
        weights: Mapping[str, float] | None = None,
        weight: float = 1.0,
    ) -> None:
        from .evaluators.llm_judge import LLMJudge

        evaluator = LLMJudge(judge, dimensions=dimensions) if isinstance(judge, str) else judge
        if not hasattr(evaluator, "evaluate"):
            raise ConfigurationError(f"a judge is a model or an Evaluator, got {judge!r:.80}")
        scored = getattr(evaluator, "dimensions", ())
        names = [dimension.name for dimension in scored] or list(weights or ())
        if not names:
            raise ConfigurationError("a judge without dimensions needs weights of its scores")
        for name in weights or ():
            one_of(names, name, "dimension of the judge")
        even = {name: 1 / len(names) for name in names}
        super().__init__(env, evaluator, weights=weights or even, weight=weight)

    def _rewarded(self, result: Any, evaluation: Evaluation) -> Any:
        super()._rewarded(result, evaluation)
        if not self.env.agents:
            for seat, info in result[-1].items():
                scores = evaluation.scores.get(seat)
                if scores:
                    overall = sum(scores.values()) / len(scores)
                    info["complete_rating"] = (overall, {**scores, "overall_score": overall})
        return result
