"""Scores and reasons of an episode <-> `rewards` and `reasoning` of a log.

Dimensions of the source `judge` have their plain names, as published; those of other sources are
called `<source>/<dimension>`. A seat without scores has the number 0.0 in place of a rating, which
in a log says that it was not judged; it is never read as a score.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ..episode import Episode, Evaluation, Outcome
from ..evaluators.dimensions import overall
from ..termination import STALE, TOO_FEW, TOO_LONG
from .evaluations import OVERALL, TERMINATED, comments_of, in_one, read_comments

Reward: TypeAlias = float | list[Any]
"""A number for a seat that was not judged, or `[overall, {dimension: score, ...}]`."""

NOT_JUDGED: Final = "the log has no scores: judging failed, or nobody was asked to judge"

_JUDGE: Final = "judge"
_UNSCORED, _REASON = "unscored", "reason"
_OF_SOURCE: Final = re.compile(r"^([^\s/:]+)/(unscored|terminated): ", re.MULTILINE)
_LEAVING: Final = re.compile(r"Agent \d+ is leaving; ")


def rewards_of(episode: Episode) -> list[Reward]:
    """One for each seat."""
    return [_reward(episode, seat) for seat in episode.seats]


def _reward(episode: Episode, seat: str) -> Reward:
    scores: dict[str, float] = {}
    judged: dict[str, float] = {}
    for evaluation in episode.evaluations:
        own = evaluation.scores.get(seat, {})
        scores |= {_named(evaluation.source, name): value for name, value in own.items()}
        if evaluation.source == _JUDGE:
            judged |= own
    if not scores:
        return 0.0
    whole = overall(judged)
    if whole is None:
        whole = episode.seats[seat].reward
    if whole is None:
        whole = sum(scores.values()) / len(scores)
    scores.pop(OVERALL, None)
    return [whole, {**scores, OVERALL: whole}]


def reasoning_of(episode: Episode) -> str:
    """The reasons why it ended and of all scores, in the published form."""
    told = {0: {TERMINATED: episode.ending}}
    for evaluation in episode.evaluations:
        for what, text in ((_UNSCORED, evaluation.unscored), (TERMINATED, evaluation.terminated)):
            if text not in (None, NOT_JUDGED):
                told[0][f"{evaluation.source}/{what}"] = text
        for number, seat in enumerate(episode.seats, start=1):
            reasons = _reasons(evaluation, seat)
            if reasons:
                told.setdefault(number, {}).update(reasons)
    return comments_of({number: told[number] for number in sorted(told)})


def _reasons(evaluation: Evaluation, seat: str) -> dict[str, str]:
    details = evaluation.details.get(seat, {})
    names = [*dict.fromkeys([*evaluation.scores.get(seat, {}), *details])]
    reasons = {_named(evaluation.source, name): details.get(name, "") for name in names}
    whole = evaluation.reasons.get(seat, "")
    if whole and whole != in_one(details):
        reasons[f"{evaluation.source}/{_REASON}"] = whole
    return reasons


def _named(source: str, dimension: str) -> str:
    return dimension if source == _JUDGE else f"{source}/{dimension}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a log says of how an episode ended and what it was worth."""

    evaluations: tuple[Evaluation, ...]
    rewards: Mapping[str, float]
    """Overall score by seat; one that was not judged is absent."""
    ending: str
    outcome: Outcome | None


def read_judgement(
    rewards: Sequence[float | Sequence[Any]], reasoning: str, seats: Sequence[str]
) -> Judgement:
    """The evaluations behind `rewards` and `reasoning`, by source."""
    ratings = {
        seat: r for seat, r in zip(seats, rewards, strict=True) if isinstance(r, list | tuple)
    }
    scores = {seat: _by_source(dict(rating[1])) for seat, rating in ratings.items()}
    of_sources = [*_OF_SOURCE.finditer(reasoning.partition("\nAgent 1 comments:\n")[0])]
    names = {0: [TERMINATED, *(found.group().removesuffix(": ") for found in of_sources)]}
    for number, seat in enumerate(seats, start=1):
        names[number] = [
            name
            for source, own in scores.get(seat, {}).items()
            for name in (*(_named(source, d) for d in own), f"{source}/{_REASON}")
        ]
    told = read_comments(reasoning, names)
    sources = dict.fromkeys(source for own in scores.values() for source in own)
    sources |= dict.fromkeys(found.group(1) for found in of_sources)
    evaluations = tuple(_evaluation(source, scores, told, seats) for source in sources)
    if not sources:
        evaluations = (Evaluation(source=_JUDGE, unscored=NOT_JUDGED),)
    ending = told.get(0, {}).get(TERMINATED, "")
    return Judgement(
        evaluations=evaluations,
        rewards={seat: float(rating[0]) for seat, rating in ratings.items()},
        ending=ending,
        outcome=outcome_of(ending),
    )


def _by_source(scores: dict[str, float]) -> dict[str, dict[str, float]]:
    """Scores by source and dimension, without an overall score that follows from the others."""
    given = scores.pop(OVERALL, None)
    by_source: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        source, slash, dimension = name.partition("/")
        if slash:
            by_source.setdefault(source, {})[dimension] = float(value)
        else:
            by_source.setdefault(_JUDGE, {})[name] = float(value)
    judged = by_source.get(_JUDGE)
    if given is not None and judged is not None and given != overall(judged):
        judged[OVERALL] = float(given)
    return by_source


def _evaluation(
    source: str,
    scores: Mapping[str, Mapping[str, dict[str, float]]],
    told: Mapping[int, Mapping[str, str]],
    seats: Sequence[str],
) -> Evaluation:
    own = {seat: by_source[source] for seat, by_source in scores.items() if source in by_source}
    details, reasons = {}, {}
    for number, seat in enumerate(seats, start=1):
        of_seat = told.get(number, {})
        found = {
            name: of_seat[_named(source, name)]
            for name in own.get(seat, {})
            if _named(source, name) in of_seat
        }
        if any(found.values()):
            details[seat], reasons[seat] = found, in_one(found)
        if f"{source}/{_REASON}" in of_seat:
            reasons[seat] = of_seat[f"{source}/{_REASON}"]
    return Evaluation(
        source=source,
        scores=own,
        reasons=reasons,
        details=details,
        unscored=None if own else told.get(0, {}).get(f"{source}/{_UNSCORED}"),
        terminated=told.get(0, {}).get(f"{source}/{TERMINATED}"),
    )


def outcome_of(ending: str) -> Outcome | None:
    """What the published words for an ending are about; departures come first, the limit last."""
    rest = ending.replace(TOO_LONG, "", 1)
    if TOO_FEW in rest or _LEAVING.search(rest):
        return "left"
    if STALE in rest:
        return "stale"
    if rest.strip():
        return "over"
    return "turn limit" if ending else None
