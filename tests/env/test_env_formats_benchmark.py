"""The published score of a model, its table, and the named parts of the published set."""

import json

import pytest
from published_data import DATA, needs_data

from sotopia_env import EnvironmentProfile, Episode
from sotopia_env.episode import Evaluation, SeatRecord
from sotopia_env.errors import FormatError
from sotopia_env.evaluators import RUBRICS
from sotopia_env.formats import (
    HARD_IDS,
    BenchmarkLine,
    Result,
    benchmark_score,
    line_of,
    name_in_table,
    published_list,
    read_benchmark_line,
    results_of,
    student_t,
    write_benchmark_line,
)

DIMENSIONS = [dimension.name for dimension in RUBRICS["sotopia"]]
LINE = (
    '{"model_name": "test_model (test) eval_model as the evaluator", "SOC [-10, 0]": 7.0, '
    '"SEC [-10, 0]": 7.0, "FIN [-5, 5]": 7.0, "REL [-5, 5]": 7.0, "KNO [0, 10]": 7.0, '
    '"GOAL [0, 10]": 7.0, "BEL [0, 10]": 7.0}'
)


def b14_episodes() -> list[Episode]:
    """Dimension i gives i and 14 - i to the sides, in both seats, both ways, five times each."""
    episodes = []
    for seat in (0, 1):
        for own_is_low in (True, False):
            for number in range(5):
                scores = {name: float(i) for i, name in enumerate(DIMENSIONS)}
                others = {name: 14.0 - value for name, value in scores.items()}
                own, other = (scores, others) if own_is_low else (others, scores)
                pair = (own, other) if seat == 0 else (other, own)
                models = ("mine", "theirs") if seat == 0 else ("theirs", "mine")
                episodes.append(episode(f"{seat}{own_is_low}{number}", models, pair))
    return episodes


def episode(
    key: str, models: tuple[str, str], scores: tuple[dict[str, float], dict[str, float]] | None
) -> Episode:
    seats = {f"agent_{n}": SeatRecord(name=f"N{n}", agent=m) for n, m in enumerate(models)}
    judged = Evaluation(source="judge", unscored="no reply")
    if scores is not None:
        judged = Evaluation(source="judge", scores=dict(zip(seats, scores, strict=True)))
    return Episode(
        key=key,
        scenario=EnvironmentProfile(scenario_id="e", scenario="S"),
        seed=0,
        seats=seats,
        turns=(),
        outcome=None,
        evaluations=(judged,),
    )


def test_b14_twenty_synthetic_episodes_give_the_published_means_and_margins() -> None:
    score = benchmark_score(results_of(b14_episodes(), "mine"))
    assert (score.episode_count, score.setting_num) == (20, 2)
    widths = [1.6499, 1.4142, 1.1785, 0.9428, 0.7071, 0.4714, 0.2357]
    for name, width in zip(DIMENSIONS, widths, strict=True):
        figure = score.figures[name]
        assert figure.mean == 7.0
        assert figure.margin == pytest.approx(width * 2.093, abs=1e-3)
    line = line_of(name_in_table("test_model", "test", "eval_model"), score)
    assert json.dumps(write_benchmark_line(line)) == LINE


def test_b14_episodes_whose_judging_failed_are_left_out() -> None:
    failed = episode("failed", ("mine", "theirs"), None)
    results = results_of([*b14_episodes(), failed], "mine")
    assert results[-1] == Result("e", 0, None)
    assert benchmark_score(results) == benchmark_score(results[:-1])


def test_a_model_is_scored_in_the_seat_it_had_and_not_for_its_partner() -> None:
    both = episode("x", ("theirs", "mine"), ({"goal": 9.0}, {"goal": 3.0}))
    assert results_of([both], "mine") == [Result("e", 1, {"goal": 3.0})]
    with pytest.raises(FormatError, match="episode x: 'other' did not act, but theirs, mine"):
        results_of([both], "other")


def test_variances_are_averaged_over_settings_and_single_episodes_have_none() -> None:
    values = [("e", 0, 1.0), ("e", 0, 3.0), ("f", 1, 5.0), ("f", 1, 9.0), ("g", 0, 2.0)]
    score = benchmark_score([Result(e, s, {"goal": v}) for e, s, v in values])
    # variances 2 and 8, five episodes, t of 4 degrees of freedom 2.776
    assert score.figures["goal"].mean == 4.0
    assert score.figures["goal"].margin == pytest.approx(2.776445 * 1.0, abs=1e-5)
    assert (score.setting_num, score.episode_count) == (3, 5)
    alone = benchmark_score([Result("e", 0, {"goal": 2.0})])
    assert (alone.figures["goal"].mean, alone.figures["goal"].margin) == (2.0, None)
    assert benchmark_score([]).figures == {}


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (19, 2.09302), (99, 1.98422),
     (100, 1.98397), (449, 1.96527)],
)  # fmt: skip
def test_quantiles_of_students_t_are_those_of_the_tables(freedom: int, quantile: float) -> None:
    assert student_t(0.975, freedom) == pytest.approx(quantile, abs=1e-4)
    assert student_t(0.5, freedom) == pytest.approx(0, abs=1e-9)


def test_there_is_no_quantile_without_a_degree_of_freedom_or_below_the_median() -> None:
    for probability, freedom in ((0.975, 0), (0.4, 3), (1.0, 3)):
        with pytest.raises(ValueError, match="no quantile"):
            student_t(probability, freedom)


def test_a_published_row_is_read_by_label_and_by_dimension() -> None:
    row = read_benchmark_line('{"model_name": "GPT-4", "GOAL [0, 10]": 7.62, "NEW [0, 1]": 1}')
    assert row == BenchmarkLine(model_name="GPT-4", scores={"GOAL [0, 10]": 7.62, "NEW [0, 1]": 1})
    assert row.by_dimension == {"goal": 7.62}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"GOAL [0, 10]": 1}', "t.jsonl line 4: key 'model_name' is missing"),
        ('{"model_name": "m", "GOAL [0, 10]": "high"}', "t.jsonl line 4: scores.GOAL"),
        ('{"model_name": "m", "goal": 1}', "t.jsonl line 4: scores: 'goal' is no label"),
    ],
)
def test_what_is_no_row_is_refused(line: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason.replace("[", r"\[")):
        read_benchmark_line(line, "t.jsonl line 4")


def situations(*codenames: str) -> list[EnvironmentProfile]:
    return [
        EnvironmentProfile(scenario_id=f"e{n}", codename=name, scenario="S")
        for n, name in enumerate(codenames)
    ]


def test_tasks_are_chosen_by_codename() -> None:
    profiles = situations("mutual_friend_1", "craigslist_2", "borrow_money")
    assert published_list("cooperative", profiles).scenario_ids == ("e0",)
    assert published_list("competitive", profiles).scenario_ids == ("e1",)
    assert published_list("all", profiles).scenario_ids == ("e0", "e1", "e2")
    with pytest.raises(FormatError, match="unknown published list 'hards'"):
        published_list("hards", profiles)


def test_the_hard_list_needs_all_of_its_scenarios() -> None:
    profiles = [EnvironmentProfile(scenario_id=key, scenario="S") for key in HARD_IDS]
    hard = published_list("hard", profiles)
    assert (hard.name, hard.scenario_ids, len(set(HARD_IDS))) == ("hard", HARD_IDS, 14)
    with pytest.raises(
        FormatError, match=f"1 of 14 scenarios are not there, the first {HARD_IDS[3]}"
    ):
        published_list("hard", [*profiles[:3], *profiles[4:]])


@needs_data
def test_the_hard_list_is_that_of_the_published_id_file() -> None:
    ids = json.loads((DATA / "sotopia_pi/used_env.json").read_text(encoding="utf-8"))
    assert set(ids["sotopia_hard_env"]) == set(HARD_IDS)
