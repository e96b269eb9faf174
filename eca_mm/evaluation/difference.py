"""A difference of two groups: its interval, its p, and what it could have been.

All follow from its standard error and degrees of freedom (`variance.py`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from .variance import Variance

POWER, ALPHA = 0.8, 0.05
MOST_SEEDS = 1000  # that are thought of


@dataclass(frozen=True)
class Difference:
    """A group's figure minus the baseline's: floats, or arrays (K,) of the classes.

    Ends of the interval and p are NaN where there are too few images.

    Attributes:
        value: On the images as they are, means over the seeds.
        low: Lower end of the interval.
        high: Its upper end.
        p: Two-sided, of "no difference", before any adjustment.
        variance: What is behind them.
        paired: Whether seed was compared with seed.
    """

    value: Any
    low: Any
    high: Any
    p: Any
    variance: Variance
    paired: bool = False


def difference(
    value: np.ndarray, variance: Variance, level: float, paired: bool = False
) -> Difference:
    """The difference of which a value and its variance are known."""
    half = stats.t.ppf((1 + level) / 2, variance.freedom) * variance.error
    with np.errstate(divide='ignore', invalid='ignore'):
        size = np.abs(value) / variance.error
    # Where nothing ever differs there is no evidence of a difference.
    size = np.where((variance.error == 0) & (value == 0), 0, size)
    p = 2 * stats.t.sf(size, variance.freedom)
    return Difference(value, value - half, value + half, p[()], variance, paired)


def distinguishable(found: Difference) -> bool | np.ndarray:
    """Whether 0 lies outside the interval."""
    outside = (found.low > 0) | (found.high < 0)
    return outside if np.ndim(outside) else bool(outside)


def equivalence(found: Difference, margin: float) -> float | np.ndarray:
    """p of "they differ by ``margin`` or more": two one-sided tests (TOST).

    Below 0.05 the two are equivalent within the margin; the 90 % interval then lies
    within it. Source: Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987).

    Args:
        margin: As the figures, a fraction: 0.005 for half a point of AP.

    Raises:
        ValueError: It is not above 0.
    """
    if not margin > 0:
        raise ValueError(f'margin must be above 0, got {margin}')
    v = found.variance
    with np.errstate(divide='ignore'):
        reach = (margin - np.abs(found.value)) / v.error
    return np.where(np.isnan(found.p), np.nan, stats.t.sf(reach, v.freedom))[()]


def smallest_difference(variance: Variance) -> float:
    """What is found with a probability of 80 % at a level of 5 %; for one figure."""
    error, freedom = float(variance.error), float(variance.freedom)
    if not error > 0:
        return error
    least = stats.t.ppf(1 - ALPHA / 2, freedom)

    def missed(size: float) -> float:
        # scipy has NaN far out, where the probability is 0 to all digits
        return np.nan_to_num(stats.nct.cdf(least, freedom, size)) - (1 - POWER)

    return error * brentq(missed, 0, 100)


def seeds_needed(variance: Variance, size: float) -> int | None:
    """Seeds a side with which a difference of ``size`` is found as often.

    None where no number helps: the images alone are too few, or training luck is not
    known.
    """
    if not variance.training:
        return None
    low, high = 2, MOST_SEEDS
    if smallest_difference(variance.with_seeds(high)) > size:
        return None
    while low < high:  # the more seeds, the smaller the difference
        middle = (low + high) // 2
        enough = smallest_difference(variance.with_seeds(middle)) <= size
        low, high = (low, middle) if enough else (middle + 1, high)
    return low
