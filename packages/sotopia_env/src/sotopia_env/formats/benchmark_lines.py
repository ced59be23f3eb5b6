"""The published benchmark: its score of a model, and the lines of `models_vs_<partner>.jsonl`."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator

from ..episode import Episode
from ..evaluators.dimensions import RUBRICS, Dimension
from .evaluations import OVERALL
from .reading import JsonObject, checked, read_object, refusal

LEVEL: Final = 0.975
"""Quantile of the margins: two-sided 95 %."""

_LABEL: Final = re.compile(r"\S.* \[-?\d+, -?\d+\]")
_ORDER: Final = ("SOC", "SEC", "FIN", "REL", "KNO", "GOAL", "BEL")
_HALVINGS: Final = 200
"""More than a float has room for, from the widest bracket."""
_WIDEST: Final = 1e6


class BenchmarkLine(BaseModel):
    """One row of the published table."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    model_name: str
    scores: dict[str, int | float]
    """By label, such as `GOAL [0, 10]`, in the order of the table."""

    @field_validator("scores")
    @classmethod
    def _has_labels(cls, scores: dict[str, int | float]) -> dict[str, int | float]:
        for label in scores:
            if _LABEL.fullmatch(label) is None:
                raise ValueError(f"{label!r} is no label; write it like 'GOAL [0, 10]'")
        return scores

    @property
    def by_dimension(self) -> dict[str, float]:
        """Scores of the seven dimensions by name."""
        names = {label_of(dimension): dimension.name for dimension in RUBRICS["sotopia"]}
        return {names[label]: value for label, value in self.scores.items() if label in names}


def label_of(dimension: Dimension) -> str:
    """`GOAL [0, 10]`; a dimension without letters goes by its name."""
    return f"{dimension.code or dimension.name} [{dimension.low}, {dimension.high}]"


def read_benchmark_line(value: str | Mapping[str, Any], where: str = "") -> BenchmarkLine:
    """A row from a line of the file.

    Raises:
        FormatError: if it is none.
    """
    scores = read_object(value, where)
    if "model_name" not in scores:
        raise refusal(where, "key 'model_name' is missing", "add it or remove the line")
    name = scores.pop("model_name")
    return checked(BenchmarkLine, {"model_name": name, "scores": scores}, where)


def write_benchmark_line(line: BenchmarkLine) -> JsonObject:
    """The line of a row."""
    return {"model_name": line.model_name, **line.scores}


class Result(NamedTuple):
    """What one episode gave the tested model."""

    environment: str
    seat: int
    """Of the model, from 0."""
    scores: Mapping[str, float] | None
    """By dimension; `None` where judging failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A mean and half the width of its interval, `None` where nothing is known about it."""

    mean: float
    margin: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkScore:
    """The score of a model, by dimension."""

    figures: Mapping[str, Figure]
    setting_num: int
    """Pairs of environment and seat."""
    episode_count: int
    """Scored episodes."""


def results_of(episodes: Iterable[Episode], model: str, source: str = "judge") -> list[Result]:
    """The results of a model, which is looked for in the seats in order.

    Raises:
        FormatError: for an episode in which it did not act.
    """
    results = []
    for episode in episodes:
        seats = [*episode.seats]
        own = [n for n, seat in enumerate(seats) if episode.seats[seat].agent == model]
        if not own:
            acted = ", ".join(record.agent for record in episode.seats.values())
            raise refusal(
                f"episode {episode.key}", f"{model!r} did not act, but {acted}", "leave it out"
            )
        found = [
            e.scores[seats[own[0]]] for e in episode.evaluations if _has(e, source, seats[own[0]])
        ]
        results.append(Result(episode.scenario.scenario_id, own[0], found[0] if found else None))
    return results


def _has(evaluation: Any, source: str, seat: str) -> bool:
    return evaluation.source == source and bool(evaluation.scores.get(seat))


def benchmark_score(results: Iterable[Result]) -> BenchmarkScore:
    """The published score; results without scores are left out.

    A mean is over all episodes. Its margin is `t(0.975, N - 1) * sqrt(v / N)`, where `v` is the
    mean over settings (environment and seat) of the sample variance in each; a setting with a
    single episode has none and is passed over.
    """
    by_setting: dict[tuple[str, int], list[Mapping[str, float]]] = {}
    for result in results:
        if result.scores is not None:
            by_setting.setdefault((result.environment, result.seat), []).append(result.scores)
    scored = [scores for of_one in by_setting.values() for scores in of_one]
    names = dict.fromkeys(name for scores in scored for name in scores)
    return BenchmarkScore(
        figures={name: _figure(name, by_setting.values()) for name in names},
        setting_num=len(by_setting),
        episode_count=len(scored),
    )


def _figure(name: str, settings: Iterable[Sequence[Mapping[str, float]]]) -> Figure:
    groups = [[scores[name] for scores in of_one if name in scores] for of_one in settings]
    values = [value for group in groups for value in group]
    variances = [_variance(group) for group in groups if len(group) > 1]
    margin = None
    if variances:
        spread = math.sqrt(sum(variances) / len(variances) / len(values))
        margin = student_t(LEVEL, len(values) - 1) * spread
    return Figure(mean=math.fsum(values) / len(values), margin=margin)


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def line_of(
    model: str, score: BenchmarkScore, dimensions: Sequence[Dimension] = RUBRICS["sotopia"]
) -> BenchmarkLine:
    """The row of a scored model, columns in the published order; the overall score has none."""
    shown = sorted(dimensions, key=lambda d: _ORDER.index(d.code) if d.code in _ORDER else 99)
    return BenchmarkLine(
        model_name=model,
        scores={
            label_of(d): score.figures[d.name].mean
            for d in shown
            if d.name in score.figures and d.name != OVERALL
        },
    )


def name_in_table(model: str, role: str, evaluator: str) -> str:
    """The `model_name` of a row: who was scored, as `test` or `partner`, and who judged."""
    return f"{model} ({role}) {evaluator} as the evaluator"


def student_t(probability: float, freedom: int) -> float:
    """Quantile of Student's t distribution with whole degrees of freedom, above the median.

    Raises:
        ValueError: for a probability outside 0.5 to 1 or no degree of freedom.
    """
    if freedom < 1 or not 0.5 <= probability < 1:
        raise ValueError(f"no quantile {probability} of t with {freedom} degrees of freedom")
    low, high = 0.0, _WIDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _inside(middle, freedom) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _inside(t: float, freedom: int) -> float:
    """Probability of -t..t; the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2
    term = total = cosine if is_odd else 1.0
    for k in range(3 if is_odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if is_odd:
        return 2 / math.pi * (angle + (sine * total if freedom > 1 else 0.0))
    return sine * total
