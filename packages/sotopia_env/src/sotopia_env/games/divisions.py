"""Every way to divide several issues between two, what each is worth, and which are best."""

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .protocol import Solution, Stakes

Amounts: TypeAlias = tuple[int, ...]
Limits: TypeAlias = tuple[tuple[int, int], ...]
"""Quantity and step of each issue."""


@lru_cache(maxsize=256)
def divisions(limits: Limits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What one seat can keep and what that leaves, each `(divisions, issues)`, counting up."""
    axes = [np.arange(0, quantity + 1, step) for quantity, step in limits]
    keeps = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(limits))
    rests = np.array([quantity for quantity, _ in limits]) - keeps
    keeps.setflags(write=False)
    rests.setflags(write=False)
    return keeps, rests


def stakes(
    limits: Limits, weights: tuple[Amounts, Amounts], disagreement: tuple[int, int]
) -> Stakes:
    """By the most the partner can have beside every number of own points, issue after issue."""
    most = {0: 0}
    for (quantity, step), own, other in zip(limits, *weights, strict=True):
        sooner, most = most, {}
        for kept in range(0, quantity + 1, step):
            mine, rest = own * kept, other * (quantity - kept)
            for points, beside in sooner.items():
                if most.get(points + mine, -1) < beside + rest:
                    most[points + mine] = beside + rest
    first, second = disagreement
    wanted = [pair for pair in most.items() if pair[0] >= first and pair[1] >= second]
    return Stakes(
        disagreement=(float(first), float(second)),
        ideal=(
            float(max((points for points, _ in wanted), default=first)),
            float(max((points for _, points in wanted), default=second)),
        ),
    )


@lru_cache(maxsize=4096)
def solution(
    limits: Limits, weights: tuple[Amounts, Amounts], disagreement: tuple[int, int]
) -> tuple[Solution, tuple[Amounts, ...]]:
    """The reference points, and what each seat keeps where it reaches its ideal.

    Exact over all divisions that leave nothing; ties by the first in counting order.
    """
    keeps, rests = divisions(limits)
    points = np.stack([keeps @ weights[0], rests @ weights[1]], axis=1)
    base = np.array(disagreement)
    is_wanted = (points >= base).all(axis=1)
    wanted = points[is_wanted]
    bounds = stakes(limits, weights, disagreement)
    if not len(wanted):
        nothing = Solution(
            disagreement=bounds.disagreement,
            ideal=bounds.ideal,
            frontier=(),
            nash=None,
            utilitarian=None,
        )
        return nothing, ()
    best = (
        keeps[is_wanted][np.lexsort((wanted[:, 1], wanted[:, 0]))[-1]],
        rests[is_wanted][np.lexsort((wanted[:, 0], wanted[:, 1]))[-1]],
    )
    products = np.prod(wanted - base, axis=1)  # all 0 where only one seat can gain
    nash = wanted[np.lexsort((wanted.sum(axis=1), products))[-1]]
    utilitarian = wanted[np.argmax(wanted.sum(axis=1))]
    solved = Solution(
        disagreement=bounds.disagreement,
        ideal=bounds.ideal,
        frontier=_pareto(wanted),
        nash=(float(nash[0]), float(nash[1])),
        utilitarian=(float(utilitarian[0]), float(utilitarian[1])),
    )
    return solved, tuple(tuple(keep.tolist()) for keep in best)


def _pareto(points: NDArray[np.int64]) -> tuple[tuple[float, float], ...]:
    """Points no other beats, by falling utility of seat 0: one pass over the sorted points."""
    frontier: list[tuple[float, float]] = []
    best = -1.0
    for first, second in sorted({(float(a), float(b)) for a, b in points.tolist()}, reverse=True):
        if second > best:
            frontier.append((first, second))
            best = second
    return tuple(frontier)
