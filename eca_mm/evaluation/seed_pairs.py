"""Comparing seed with seed, where the same seed is shown to bring the same luck."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from .variance import Side

# Fewest seeds a side of which it can be shown that they go together, and how sure: at
# 5 % chance correlations made a fourth of the paired comparisons of equals significant.
LEAST_PAIRS, SURE = 5, 0.01


def pairs_of(
    ours: Sequence[int | None],
    theirs: Sequence[int | None],
    our_aps: np.ndarray,
    their_aps: np.ndarray,
) -> list[int] | None:
    """Where they have our seeds; None unless it is shown that these go together.

    Shown means: both sides have the same seeds, LEAST_PAIRS or more, and their APs
    correlate with a one-sided p below SURE.
    """
    if None in [*ours, *theirs] or len(set(ours)) < max(len(ours), LEAST_PAIRS):
        return None
    if sorted(ours) != sorted(theirs):
        return None
    order = [theirs.index(seed) for seed in ours]
    if np.ptp(our_aps) == 0 or np.ptp(their_aps) == 0:
        return None
    p = stats.pearsonr(our_aps, their_aps[order], alternative='greater').pvalue
    return order if p < SURE else None


def subtract(ours: Side, theirs: Side, order: list[int]) -> Side:
    """The differences of our seeds and theirs, as one side."""
    return Side(
        ours.values - theirs.values[order], ours.samples - theirs.samples[:, order]
    )
