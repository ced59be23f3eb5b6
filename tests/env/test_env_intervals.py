"""Intervals against published values, by hand, and by their coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sotopia_env.intervals import mean_interval, paired_difference, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),  # Newcombe 1998, table I
    ],
)
def test_wilson_gives_the_published_bounds(successes: int, n: int, low: float, high: float) -> None:
    estimate = wilson(successes, n)
    assert estimate.value == successes / n
    assert estimate.low == pytest.approx(low, abs=5e-5)
    assert estimate.high == pytest.approx(high, abs=5e-5)
    assert estimate.n == n


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_contains_its_proportion_and_mirrors(pair: tuple[int, int]) -> None:
    successes, n = pair
    estimate, mirror = wilson(successes, n), wilson(n - successes, n)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low == pytest.approx(1 - mirror.high)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (1, -1), (-1, 3), (4, 3)])
def test_a_proportion_of_nothing_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="0 <= successes <= n"):
        wilson(successes, n)


def test_the_mean_of_equal_values_has_no_width() -> None:
    estimate = mean_interval([0.5] * 20)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (0.5, 0.5, 0.5, 20)


def test_an_interval_is_the_same_every_time() -> None:
    values = np.random.default_rng(0).normal(size=40)
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_the_interval_of_many_values_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(1).normal(loc=3.0, size=2000)
    estimate = mean_interval(values)
    half = 1.96 * values.std() / math.sqrt(values.size)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert estimate.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_the_interval_of_a_mean_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for repetition in range(200):
        values = rng.normal(size=40)
        estimate = mean_interval(values, seed=repetition)
        covered += estimate.low <= 0.0 <= estimate.high
    # 95 % nominal; the percentile bootstrap of 40 values is a little short.
    assert 178 <= covered <= 199


def test_ignoring_clusters_makes_an_interval_too_narrow() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(30), 10)
    values = rng.normal(size=30)[clusters] + 0.1 * rng.normal(size=300)
    alone, together = mean_interval(values), mean_interval(values, clusters.tolist())
    assert alone.value == together.value
    ratio = (together.high - together.low) / (alone.high - alone.low)
    assert 2.5 < ratio < 3.5  # ten equal values a cluster: the square root of 10


def test_each_value_its_own_cluster_is_no_clustering() -> None:
    values = np.random.default_rng(4).normal(size=50)
    alone, labelled = mean_interval(values), mean_interval(values, [f"s{i}" for i in range(50)])
    assert labelled.low == pytest.approx(alone.low)
    assert labelled.high == pytest.approx(alone.high)


def test_one_cluster_says_nothing_about_the_spread() -> None:
    estimate = mean_interval([0.1, 0.2, 0.3], ["s"] * 3)
    assert estimate.value == pytest.approx(0.2)
    assert (estimate.low, estimate.high) == (-math.inf, math.inf)
    assert mean_interval([0.1]).low == -math.inf


@given(st.lists(st.tuples(st.floats(-100, 100), st.integers(0, 4)), min_size=1, max_size=30))
def test_an_interval_contains_its_mean_and_lies_within_the_values(
    pairs: list[tuple[float, int]],
) -> None:
    values = [value for value, _ in pairs]
    clusters = [cluster for _, cluster in pairs]
    estimate = mean_interval(values, clusters)
    assert estimate.n == len(values)
    assert estimate.value == pytest.approx(np.mean(values))
    if len(set(clusters)) > 1:
        assert min(values) - 1e-6 <= estimate.low <= estimate.high <= max(values) + 1e-6


def test_a_paired_difference_is_taken_element_by_element() -> None:
    before = np.random.default_rng(5).normal(scale=10, size=50)
    estimate = paired_difference(before + 1.0, before)
    assert estimate.value == pytest.approx(1.0)
    assert estimate.low == pytest.approx(1.0)
    assert estimate.high == pytest.approx(1.0)


def test_a_paired_difference_may_be_clustered() -> None:
    after, before = [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]
    estimate = paired_difference(after, before, ["a", "a", "b", "b"])
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.0, 1.0)


@pytest.mark.parametrize("values", [[], [1.0, math.nan]])
def test_an_unscored_value_is_refused_and_not_counted_as_zero(values: list[float]) -> None:
    with pytest.raises(ValueError, match="no NaN; leave unscored ones out"):
        mean_interval(values)
    with pytest.raises(ValueError, match="no NaN"):
        paired_difference(values, [0.0] * len(values))


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot pair 2 values with 3"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="3 values but 2 cluster labels"):
        mean_interval([1.0, 2.0, 3.0], ["a", "b"])


def test_an_estimate_reads_as_a_figure_with_its_bounds() -> None:
    assert str(wilson(5, 10)) == "0.500 [0.237, 0.763]"
