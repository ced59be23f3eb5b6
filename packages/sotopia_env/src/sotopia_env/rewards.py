"""Reward wrappers around the environment: one evaluator each, stackable, weights in the open."""

import asyncio
import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias, get_args

from pettingzoo.utils.wrappers import BaseParallelWrapper

from .actions import ActionLike
from .environment import Snapshot
from .episode import Evaluation
from .errors import ActionError, ConfigurationError, one_of
from .evaluators import Dimension, Evaluator, GameOutcome, Judge
from .waiting import close, close_now, wait_for

Mode: TypeAlias = Literal["share", "utility", "win"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)


class RewardWrapper(BaseParallelWrapper[str, Any, Any]):
    """Adds `weight * sum of (weights[dimension] * score)` to the rewards.

    A `per_turn` evaluator is asked after every turn, and pays the seats that took part in it, who
    leaves in it among them; all others are asked when the episode ends, and pay those that left
    early too. Rewards of other turns are left as they are. `final_rewards` sums up what every seat
    got. `infos[seat]["reward_components"]` holds the unweighted scores as `source/dimension`.
    Unscored: the reward is NaN and `infos[seat]["unscored"]` names what is missing. The reasons for
    scores and for none, which may tell of other seats' secrets, are in `evaluation` alone.

    `step` waits for an evaluator that calls a model. In a running loop await `step_async` instead,
    and `close_async` at the end.

    Args:
        env: a `SotopiaEnv`, or another wrapper around one.
        evaluator: maps the transcript to scores, at once or awaited.
        dimension: the one of its scores that becomes reward.
        weights: or several, with their weights.
        weight: factor of this source in the sum.
        name: of this source in components and evaluations; by default the evaluator's.

    Raises:
        ConfigurationError: unless exactly one of `dimension` and `weights` is given, and for the
            name of another wrapper inside; only equal evaluators may share one.
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
        name: str | None = None,
    ) -> None:
        super().__init__(env)
        if (dimension is None) == (not weights):
            raise ConfigurationError("a reward needs a dimension, or weights of several")
        self.evaluator: Any = evaluator
        self.name: str = evaluator.name if name is None else name
        self._check_name()
        self.weights = dict(weights) if weights else {str(dimension): 1.0}
        self.weight = weight
        for name, value in (("the whole", weight), *self.weights.items()):
            if not math.isfinite(value):
                raise ConfigurationError(f"the weight of {name!r} must be a number, got {value}")
        self.evaluation: Evaluation | None = None
        """The latest one."""
        self.is_per_turn = bool(getattr(evaluator, "per_turn", False))
        self._waits = inspect.iscoroutinefunction(evaluator.evaluate)
        self.is_async: bool = self._waits or getattr(env, "is_async", False)
        """Whether a model is asked in `step`."""
        self._loop: asyncio.AbstractEventLoop | None = None
        """In which the evaluator was last awaited by `step_async`."""

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode without an evaluation; see `SotopiaEnv.reset`."""
        self.evaluation = None
        started: tuple[dict[str, Any], dict[str, Any]]
        started = self.env.reset(seed=seed, options=options)
        return started

    def step(self, actions: Mapping[str, ActionLike]) -> Any:
        """One turn of the environment, with rewards.

        Raises:
            ActionError: as `SotopiaEnv.step` does.
        """
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
        if self._waits:
            self._loop = asyncio.get_running_loop()
            verdict = await verdict
        return self._rewarded(result, verdict)

    def close(self) -> None:
        """Close the evaluator and the environment; connections are made again when needed.

        Raises:
            ActionError: in the running loop of `step_async`, where `close_async` has to be awaited.
        """
        if self._loop is not None and self._loop is _running_loop():
            raise ActionError(f"{self.name} has connections in this loop: await close_async()")
        self.env.close()
        close_now(self.evaluator)

    async def close_async(self) -> None:
        """The same as `close`, in the loop in which `step_async` was awaited."""
        if hasattr(self.env, "close_async"):
            await self.env.close_async()
        else:
            self.env.close()
        await close(self.evaluator)
        self._loop = None

    # PettingZoo's own wrapper finds these by `__getattr__`, at the price of a third of a move.
    agents: Any = property(attrgetter("env.agents"), doc="Seats still in the episode.")
    possible_agents: Any = property(attrgetter("env.possible_agents"), doc="Every seat.")
    turn_order: Any = property(attrgetter("env.turn_order"), doc="Seats that may act now.")

    def snapshot(self) -> Snapshot:
        """The present instant of the environment, with the evaluations up to now."""
        taken: Snapshot = self.env.snapshot()
        return replace(taken, evaluations=self.evaluations)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to an instant, and to the evaluation as it was then."""
        self.env.restore(snapshot)
        found = [e for e in snapshot.evaluations if e.source == self.name]
        self.evaluation = found[-1] if found else None

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """The latest of this wrapper and of those it wraps, innermost first."""
        inner: tuple[Evaluation, ...] = getattr(self.env, "evaluations", ())
        return inner if self.evaluation is None else (*inner, self.evaluation)

    def _check_name(self) -> None:
        """Scores of two evaluators under one name would replace each other."""
        inner = self.env
        while inner is not None:
            is_namesake = isinstance(inner, RewardWrapper) and inner.name == self.name
            if is_namesake and inner.evaluator != self.evaluator:
                raise ConfigurationError(
                    f"two sources of reward are called {self.name!r}; give one another name="
                )
            inner = getattr(inner, "env", None)

    def _rewarded(self, result: Any, evaluation: Evaluation) -> Any:
        _, rewards, _, _, infos = result
        if evaluation.source != self.name:
            evaluation = replace(evaluation, source=self.name)
        self.evaluation = evaluation
        totals = self.env.final_rewards
        for seat in rewards if self.is_per_turn else self.env.possible_agents:
            scores = evaluation.scores.get(seat, {})
            missing = [name for name in self.weights if name not in scores]
            if missing and self._is_excused(seat, evaluation):
                continue
            value = math.nan
            if not missing:
                value = self.weight * sum(w * scores[name] for name, w in self.weights.items())
            totals[seat] += value
            if seat in rewards:
                rewards[seat] += value
                self._tell(infos[seat], scores, missing)
        return result

    def _is_excused(self, seat: str, evaluation: Evaluation) -> bool:
        """Whether a seat without a score is just leaving; nobody has to score its last turn."""
        is_judged = evaluation.unscored is None
        return self.is_per_turn and is_judged and seat in self.env.transcript.left

    def _tell(self, info: dict[str, Any], scores: Mapping[str, float], missing: list[str]) -> None:
        """Put scores, and the names of missing ones, into the info of a seat; no words."""
        components = info["reward_components"]
        for name, score in scores.items():
            components[f"{self.name}/{name}"] = score
        if missing:
            names = ", ".join(f"{self.name}/{name}" for name in missing)
            before = info.get("unscored")
            info["unscored"] = f"{before}, {names}" if before else f"not scored: {names}"


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
    "overall_score": overall})` as published; absent before it and where nothing was scored. Of
    several judges it is the outermost one's; each but one needs a name.

    Args:
        env: a `SotopiaEnv`, or another wrapper around one.
        judge: a model such as `openai/gpt-4o`, or any evaluator, awaited or not.
        dimensions: what a model is asked to score; name of a rubric, or dimensions.
        weights: of each dimension in the reward; by default all alike, adding up to 1.
        weight: factor of this source in the sum.
        name: of this source; by default the judge's, which for a model is `judge`.

    Raises:
        ConfigurationError: for a judge that is none, a weight of a dimension it does not score, or
            the name of another wrapper inside.
    """

    def __init__(
        self,
        env: Any,
        judge: str | Evaluator | Judge,
        *,
        dimensions: str | Sequence[str | Dimension] = "sotopia",
        weights: Mapping[str, float] | None = None,
        weight: float = 1.0,
        name: str | None = None,
    ) -> None:
        from .evaluators.llm_judge import LLMJudge

        evaluator = LLMJudge(judge, dimensions=dimensions) if isinstance(judge, str) else judge
        if not hasattr(evaluator, "evaluate"):
            raise ConfigurationError(f"a judge is a model or an Evaluator, got {judge!r:.80}")
        scored = getattr(evaluator, "dimensions", ())
        names = [dimension.name for dimension in scored] or list(weights or ())
        if not names:
            raise ConfigurationError("a judge without dimensions needs weights of its scores")
        for weighed in weights or ():
            one_of(names, weighed, "dimension of the judge")
        even = dict.fromkeys(names, 1 / len(names))
        super().__init__(env, evaluator, weights=weights or even, weight=weight, name=name)

    def _rewarded(self, result: Any, evaluation: Evaluation) -> Any:
        super()._rewarded(result, evaluation)
        if not self.env.agents:
            for seat, info in result[-1].items():
                info.pop("complete_rating", None)
                scores = evaluation.scores.get(seat)
                if scores:
                    overall = sum(scores.values()) / len(scores)
                    info["complete_rating"] = (overall, {**scores, "overall_score": overall})
        return result


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop this is called in, if in any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
