"""Records to figures, figures to the summary and the table on the terminal."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from sotopia_env.intervals import Estimate, rate_interval, wilson

from .record import Record

_FOOTNOTE = """\
[ ] 95 % interval: Wilson's, for `overall` a bootstrap over stories.
±   distance to the farther end of that interval; both ends are in summary.json."""


class Scores(BaseModel):
    """Accuracy of one agent. Failed items are left out; unparsed replies count as not right."""

    model_config = ConfigDict(frozen=True)

    overall: Estimate
    """Over all items; the interval is over stories, whose questions are not independent."""
    by_type: dict[str, Estimate]
    """Question type to accuracy, Wilson's interval: a story has at most one item of a type."""
    by_story_type: dict[str, Estimate]
    joint: Estimate
    """Share of stories of which every question is answered right."""
    unparsed: Estimate
    """Share of replies in which no single choice could be read."""


def score(records: Sequence[Record]) -> Scores:
    """Figures of the records that have a reply; at least one must."""
    answered = [record for record in records if record.is_correct is not None]
    stories = _grouped(answered, "story_id")
    return Scores(
        overall=_clustered(answered),
        by_type={
            name: wilson(_right(group), len(group))
            for name, group in sorted(_grouped(answered, "type").items(), key=_by_order)
        },
        by_story_type={
            name: _clustered(group)
            for name, group in sorted(_grouped(answered, "story_type").items())
        },
        joint=wilson(sum(_right(group) == len(group) for group in stories.values()), len(stories)),
        unparsed=wilson(sum(r.status == "unparsed" for r in answered), len(answered)),
    )


def summary(agent: Scores, baselines: Mapping[str, Scores]) -> dict[str, object]:
    """The figures as nested objects, each with value, low, high and n."""
    figures = agent.model_dump()
    accuracy = {name: figures.pop(name) for name in ("overall", "by_type", "by_story_type")}
    return {
        "accuracy": accuracy,
        **figures,
        "baselines": {name: scores.model_dump() for name, scores in baselines.items()},
    }


def table(agent: str, scores: Scores, baselines: Mapping[str, Scores]) -> str:
    """Percentages with 95 % intervals, one row a question type, one column an agent."""
    rows = [["accuracy, %", "n", agent, *baselines]]
    for name, estimate in scores.by_type.items():
        others = [base.by_type.get(name) for base in baselines.values()]
        rows.append([name, str(estimate.n), _full(estimate), *map(_short, others)])
    rows.append([])
    for name in ("overall", "joint", "unparsed"):
        estimate = getattr(scores, name)
        others = [getattr(base, name) for base in baselines.values()]
        label = {"joint": "all of a story right", "unparsed": "unparsed replies"}.get(name, name)
        rows.append([label, str(estimate.n), _full(estimate), *map(_short, others)])
    return f"{_aligned(rows)}\n\n{_FOOTNOTE}"


def _clustered(records: Sequence[Record]) -> Estimate:
    """Accuracy with a bootstrap over stories."""
    return rate_interval(
        [bool(record.is_correct) for record in records], [record.story_id for record in records]
    )


def _by_order(group: tuple[str, list[Record]]) -> tuple[int, str]:
    return group[1][0].order, group[0]


def _right(records: Sequence[Record]) -> int:
    return sum(bool(record.is_correct) for record in records)


def _grouped(records: Sequence[Record], field: str) -> dict[str, list[Record]]:
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[getattr(record, field)].append(record)
    return groups


def _full(estimate: Estimate) -> str:
    value, low, high = (100 * x for x in (estimate.value, estimate.low, estimate.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def _short(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    farther = max(estimate.high - estimate.value, estimate.value - estimate.low)
    return f"{100 * estimate.value:.1f} ±{100 * farther:.1f}"


def _aligned(rows: list[list[str]]) -> str:
    """First column to the left, figures to the right; an empty row becomes a rule."""
    widths = [max(len(cell) for cell in column) for column in zip(*filter(None, rows), strict=True)]
    lines = []
    for row in rows:
        cells = row or ["-" * width for width in widths]
        first, *rest = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)
