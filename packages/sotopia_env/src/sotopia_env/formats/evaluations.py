"""Evaluations <-> the entries, ratings and comments of the published evaluators.

An entry is `(target, ((name, value), comment))`; targets are `environment` and `agent_1`,
`agent_2`, ... for our seats `agent_0`, `agent_1`, ...
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..episode import Evaluation
from ..evaluators.dimensions import overall
from .labelled import labelled
from .reading import refusal

Entry: TypeAlias = tuple[str, tuple[tuple[str, int | float | bool], str]]
Rating: TypeAlias = tuple[float, dict[str, float]]
"""The overall score, and all scores with the overall one among them as `overall_score`."""

ENVIRONMENT: Final = "environment"
TERMINATED: Final = "terminated"
OVERALL: Final = "overall_score"

_TARGET: Final = re.compile(r"agent_([1-9]\d{0,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What all entries of one turn come to."""

    terminated: bool
    ratings: Mapping[str, Rating]
    """By target; one without scores is absent."""
    comments: str

    @property
    def p1_rate(self) -> Rating | None:
        """Of the first seat."""
        return self.ratings.get("agent_1")

    @property
    def p2_rate(self) -> Rating | None:
        """Of the second seat."""
        return self.ratings.get("agent_2")


def response_of(entries: Iterable[Entry]) -> Response:
    r"""The published aggregate: numbers averaged and reasons put together by name, bools by any.

    >>> response_of([("agent_1", (("goal", 3), "so ")), ("agent_1", (("goal", 4), "so"))]).comments
    'Agent 1 comments:\ngoal: so so\n'

    Raises:
        FormatError: for a target that is neither `environment` nor an agent.
    """
    by_target: dict[int, list[tuple[str, int | float | bool, str]]] = {}
    for target, ((name, value), comment) in entries:
        by_target.setdefault(_number(target), []).append((name, value, comment))
    ratings = {}
    for number in sorted(by_target.keys() - {0}):
        rating = _rating([(name, value) for name, value, _ in by_target[number]])
        if rating is not None:
            ratings[f"agent_{number}"] = rating
    is_over = any(value for name, value, _ in by_target.get(0, ()) if name == TERMINATED)
    told = {
        number: _joined((name, comment) for name, _, comment in by_target[number])
        for number in sorted(by_target)
    }
    return Response(terminated=is_over, ratings=ratings, comments=comments_of(told))


def comments_of(told: Mapping[int, Mapping[str, str]]) -> str:
    """The published text of reasons by name, of the environment (0) and of agents from 1."""
    text = ""
    for number, by_name in told.items():
        head = f"Agent {number} comments:\n" if number else "Environment comments: "
        text += head + "\n".join(f"{name}: {why}" for name, why in by_name.items()) + "\n"
    return text


def read_comments(text: str, names: Mapping[int, Sequence[str]]) -> dict[int, dict[str, str]]:
    """The reasons in a published text, by agent (0 is the environment) and name.

    `names` says what is looked for, in the order of the text; a reason goes on to where the next
    name begins a line. What is not there is absent.
    """
    heads = {f"Agent {n} comments:\n" if n else "Environment comments: ": n for n in names}
    told = {}
    for head, section in labelled(text, heads).items():
        number = heads[head]
        found = labelled(section.removesuffix("\n"), [f"{name}: " for name in names[number]])
        told[number] = {label.removesuffix(": "): why for label, why in found.items()}
    return told


def entries_of(evaluation: Evaluation, seats: Sequence[str]) -> list[Entry]:
    """The published entries of an evaluation; `seats` are all, in order.

    Of an unscored evaluation there are none. A reason for a whole seat that has none for its
    dimensions stands at the first of them.
    """
    entries: list[Entry] = []
    if evaluation.terminated is not None:
        entries.append(termination_entry(evaluation))
    for number, seat in enumerate(seats, start=1):
        reasons = evaluation.details.get(seat, {})
        if not reasons and seat in evaluation.reasons:
            reasons = dict.fromkeys(
                [*evaluation.scores.get(seat, {})][:1], evaluation.reasons[seat]
            )
        for name, value in evaluation.scores.get(seat, {}).items():
            entries.append((f"agent_{number}", ((name, value), reasons.get(name, ""))))
    return entries


def termination_entry(evaluation: Evaluation) -> Entry:
    """The published entry of a termination rule."""
    reason = evaluation.terminated or ""
    return ENVIRONMENT, ((TERMINATED, bool(reason)), reason)


def evaluation_of(
    entries: Iterable[Entry], seats: Sequence[str], source: str = "judge"
) -> Evaluation:
    """The evaluation that entries come to: means by name, a given overall score among them.

    Raises:
        FormatError: for a target that is none of the seats.
    """
    found = [*entries]
    response = response_of(found)
    scores, details, reasons = {}, {}, {}
    for target in dict.fromkeys(target for target, _ in found if target != ENVIRONMENT):
        number = _number(target)
        if number > len(seats):
            raise refusal("", f"{target} of {len(seats)} seats", "check the entries")
        seat = seats[number - 1]
        own = [(name, value, why) for who, ((name, value), why) in found if who == target]
        rating = response.ratings.get(target)
        if rating is not None:
            told = {name for name, _, _ in own}
            scores[seat] = {k: v for k, v in rating[1].items() if k in told}
        details[seat] = _joined((name, why) for name, _, why in own)
        reasons[seat] = in_one(details[seat])
    told_end = [why for who, ((name, _), why) in found if (who, name) == (ENVIRONMENT, TERMINATED)]
    return Evaluation(
        source=source,
        scores=scores,
        reasons=reasons,
        details=details,
        unscored=None if scores or told_end else "no entry has a score",
        terminated="".join(told_end) if told_end else None,
    )


def in_one(details: Mapping[str, str]) -> str:
    """The reasons of a seat's dimensions as the one reason of the seat."""
    return "\n".join(f"{name}: {why}" for name, why in details.items())


def _number(target: str) -> int:
    """0 for the environment, else the number of the agent."""
    found = _TARGET.fullmatch(target)
    if target == ENVIRONMENT or found is None:
        if target == ENVIRONMENT:
            return 0
        raise refusal(
            "", f"target {target!r:.60} is none", "use environment, agent_1, agent_2, ..."
        )
    return int(found.group(1))


def _rating(values: Iterable[tuple[str, int | float | bool]]) -> Rating | None:
    numbers: dict[str, list[float]] = {}
    for name, value in values:
        if not isinstance(value, bool):
            numbers.setdefault(name, []).append(value)
    means = {name: sum(of_one) / len(of_one) for name, of_one in numbers.items()}
    whole = overall(means)
    return None if whole is None else (whole, {**means, OVERALL: whole})


def _joined(told: Iterable[tuple[str, str]]) -> dict[str, str]:
    by_name: dict[str, str] = {}
    for name, comment in told:
        by_name[name] = by_name.get(name, "") + comment
    return by_name
