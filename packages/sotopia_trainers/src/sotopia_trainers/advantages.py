"""Rewards of games into advantages of tokens.

A group is the games of one scenario, seat, partner and partner seed: only what the learner itself
did differs, so the group's mean reward is the baseline of its members (Shao et al. 2024, GRPO).
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Scale: TypeAlias = Literal["group", "batch", "none"]

_EPSILON = 1e-4


def group_advantages(rewards: Tensor, group_size: int, scale: Scale = "group") -> Tensor:
    """Advantages `(rows,)` of rewards `(rows,)` whose groups follow one another.

    `scale` divides by the standard deviation of the group, of the batch, or not at all (Dr. GRPO,
    Liu et al. 2025). A group with an unscored game (NaN) has advantage 0 throughout: nothing is
    known about its baseline that would not be biased by what is missing.

    Raises:
        ValueError: when the rows do not divide into whole groups.
    """
    if rewards.dim() != 1 or len(rewards) % group_size:
        raise ValueError(
            f"{tuple(rewards.shape)} rewards do not divide into groups of {group_size}"
        )
    groups = rewards.view(-1, group_size)
    centred = groups - groups.mean(dim=1, keepdim=True)
    if scale == "group":
        centred = centred / (groups.std(dim=1, keepdim=True, unbiased=True) + _EPSILON)
    elif scale == "batch":
        known = rewards[~rewards.isnan()]
        centred = centred / (known.std() + _EPSILON) if len(known) > 1 else centred * 0
    return torch.nan_to_num(centred.reshape(-1), nan=0.0)


def token_advantages(
    advantages: Tensor, is_credited: Sequence[Sequence[int]], width: int
) -> Tensor:
    """Advantages `(rows, width)`: each row's advantage on its credited tokens, else 0.

    Rows are right-padded to `width`.
    """
    spread = torch.zeros(
        (len(is_credited), width), dtype=advantages.dtype, device=advantages.device
    )
    for row, mask in enumerate(is_credited):
        credited = torch.tensor(mask, dtype=advantages.dtype, device=advantages.device)
        spread[row, : len(mask)] = credited * advantages[row]
    return spread
