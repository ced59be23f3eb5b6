"""Estimates with 95 % intervals, shared by the three packages.

Proportions use Wilson's interval; means use a bootstrap over clusters (a scenario, a story),
because episodes of one scenario are not independent. All are deterministic functions of their
input.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

RESAMPLES = 4000
"""Bootstrap resamples; the interval's own noise is then about 2 % of its width."""

_DRAWN_AT_ONCE = 4_000_000
"""Numbers held in memory at a time while resampling."""

Z95 = 1.959963984540054


class Estimate(BaseModel):
    """A figure with its 95 % interval and the number of observations behind it."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def wilson(successes: int, n: int) -> Estimate:
    """Wilson score interval of a proportion (Wilson 1927, JASA 22).

    Raises:
        ValueError: if `n` is not positive or `successes` is outside `0..n`.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"a proportion needs 0 <= successes <= n and n > 0, got {successes}/{n}")
    p = successes / n
    shrink = 1 + Z95**2 / n
    centre = (p + Z95**2 / (2 * n)) / shrink
    half = Z95 * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n)) / shrink
    # At 0 and n the exact bound is 0 or 1; rounding must not put it beside the point.
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return Estimate(value=p, low=low, high=high, n=n)


def mean_interval(
    values: ArrayLike, clusters: Sequence[Hashable] | None = None, *, seed: int = 0
) -> Estimate:
    """Mean of `values` `(n,)` with a percentile bootstrap interval over `clusters` `(n,)`.

    Whole clusters are drawn with replacement (Cameron, Gelbach and Miller 2008); without clusters
    each value is its own. With a single cluster nothing is known about the spread between clusters,
    and the interval is infinite rather than narrow.

    Raises:
        ValueError: if `values` is empty, holds NaN, or `clusters` has another length.
    """
    data = np.asarray(values, dtype=float)
    if data.size == 0 or np.isnan(data).any():
        raise ValueError("an interval needs at least one value and no NaN; leave unscored ones out")
    sums, counts = _cluster_totals(data, clusters)
    mean = float(data.mean())
    if len(sums) == 1:
        return Estimate(value=mean, low=-np.inf, high=np.inf, n=data.size)
    rng = np.random.default_rng(seed)
    means = _resampled_means(sums, counts, rng)
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(value=mean, low=float(low), high=float(high), n=data.size)


def rate_interval(
    hits: Sequence[bool], clusters: Sequence[Hashable] | None = None, *, seed: int = 0
) -> Estimate:
    """Fraction of `hits` `(n,)`, with an interval over `clusters` as in `mean_interval`.

    Where all are hits, or none is, resampling shows no spread; the interval is then Wilson's with a
    whole cluster as one observation, the wider choice. One cluster alone tells nothing.

    Raises:
        ValueError: if `hits` is empty, or `clusters` has another length.
    """
    estimate = mean_interval(hits, clusters, seed=seed)
    count = len(hits) if clusters is None else len(set(clusters))
    if estimate.value in (0, 1):
        bounds = wilson(count if estimate.value else 0, count)
        return Estimate(value=estimate.value, low=bounds.low, high=bounds.high, n=estimate.n)
    if count == 1:
        return Estimate(value=estimate.value, low=0.0, high=1.0, n=estimate.n)
    return estimate


def paired_difference(
    after: ArrayLike,
    before: ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Estimate:
    """Mean of `after - before`, element by element the same task, clustered as in `mean_interval`.

    Raises:
        ValueError: if the two differ in length, so that they cannot be paired.
    """
    first, second = np.asarray(after, dtype=float), np.asarray(before, dtype=float)
    if first.shape != second.shape:
        raise ValueError(f"cannot pair {first.size} values with {second.size}")
    return mean_interval(first - second, clusters, seed=seed)


def _resampled_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Means `(RESAMPLES,)` of drawn clusters; equal clusters are drawn as one kind, in chunks."""
    kinds, copies = np.unique(np.stack([sums, counts], axis=1), axis=0, return_counts=True)
    chunk = max(1, _DRAWN_AT_ONCE // len(kinds))
    means = []
    for start in range(0, RESAMPLES, chunk):
        size = min(chunk, RESAMPLES - start)
        draws = rng.multinomial(len(sums), copies / copies.sum(), size=size)
        means.append((draws @ kinds[:, 0]) / (draws @ kinds[:, 1]))
    return np.concatenate(means)


def _cluster_totals(
    data: NDArray[np.float64], clusters: Sequence[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if clusters is None:
        return data, np.ones_like(data)
    if len(clusters) != data.size:
        raise ValueError(f"{data.size} values but {len(clusters)} cluster labels")
    index: dict[Hashable, int] = {}
    codes = np.array([index.setdefault(label, len(index)) for label in clusters])
    sums = np.bincount(codes, weights=data, minlength=len(index))
    counts = np.bincount(codes, minlength=len(index))
    return sums.astype(float), counts.astype(float)
