"""Figures worked out by hand, the summary and the table."""

import json

import pytest

from sotopia_tom.record import Record
from sotopia_tom.report import score, summary, table


def record(story: str, question: str, *, right: bool) -> Record:
    return Record(
        id=f"{story}{question}",
        story_id=story,
        story_type="true_belief",
        type=question,
        order=0,
        is_tom=False,
        prompt="",
        gold="jar",
        reply="jar" if right else "sack",
        parsed="jar" if right else "sack",
        status="parsed",
        problem=None,
        is_correct=right,
    )


def test_figures_of_a_small_table_worked_by_hand():
    records = [
        record("s1", "memory", right=True),
        record("s1", "reality", right=True),
        record("s2", "memory", right=True),
        record("s2", "reality", right=False),
    ]
    scores = score(records)
    assert (scores.overall.value, scores.overall.n) == (0.75, 4)
    # Two stories, one right in half: resampled means are 0.5, 0.75 and 1.
    assert (scores.overall.low, scores.overall.high) == (0.5, 1.0)
    assert (scores.joint.value, scores.joint.n) == (0.5, 2)
    assert (scores.by_type["memory"].value, scores.by_type["reality"].value) == (1, 0.5)
    assert scores.by_type["reality"].low == pytest.approx(0.0945, abs=1e-4)


def test_a_perfect_score_still_has_an_interval_of_whole_stories():
    records = [
        record(f"s{i}", name, right=True) for i in range(10) for name in ("memory", "reality")
    ]
    overall = score(records).overall
    assert (overall.value, overall.high, overall.n) == (1, 1, 20)
    assert overall.low == pytest.approx(0.7225, abs=1e-4)  # Wilson, 10 of 10


def test_one_story_half_right_says_nothing_about_others():
    overall = score(
        [record("s", "memory", right=True), record("s", "reality", right=False)]
    ).overall
    assert (overall.low, overall.value, overall.high) == (0, 0.5, 1)


def test_summary_is_plain_json_with_value_low_high_n_everywhere():
    scores = score([record("s", "memory", right=True)])
    tree = json.loads(json.dumps(summary(scores, {"random": scores}), allow_nan=False))
    for figure in (
        tree["accuracy"]["overall"],
        tree["accuracy"]["by_type"]["memory"],
        tree["accuracy"]["by_story_type"]["true_belief"],
        tree["joint"],
        tree["unparsed"],
        tree["baselines"]["random"]["overall"],
    ):
        assert set(figure) == {"value", "low", "high", "n"}


def test_the_table_is_aligned_and_names_every_agent():
    scores = score([record(f"s{i}", "memory", right=i > 0) for i in range(4)])
    lines = table("symbolic", scores, {"random": scores}).splitlines()
    assert lines[0].split() == ["accuracy,", "%", "n", "symbolic", "random"]
    assert lines[1].split()[:3] == ["memory", "4", "75.0"]
    assert len({len(line) for line in lines[:6]}) == 1
