"""How sure a COCO figure is, and a difference of two: the paired bootstrap over images.

Images are drawn with replacement and counted as often as they were drawn. All models
see the same draws.

The interval is the basic one: quantiles of the draws, mirrored at the figure. COCO's
precision is too high on few images, and more so on a draw of them, which has fewer
different ones; mirroring takes that off, the plain quantiles ("percentile") add it.
Simulated at 95 %: the interval of AP held the true AP in 92 % of 300 sets of 50 images
(percentile: 78 %) and in 94 % of 200 sets of 200 images (percentile: 60 %). In a
difference the error cancels: 94 and 95 %, either way.
"""

import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import track

from .counting import FIGURES, Counter, figures, per_class
from .matching import Matches

__all__ = [
    'FIGURES',
    'PER_CLASS',
    'Bootstrap',
    'Difference',
    'bootstrap',
    'distinguishable',
    'figures',
    'per_class',
]

# Stands for the AP of each class where a figure is asked for.
PER_CLASS = 'per class'


@dataclass(frozen=True)
class Difference:
    """A run's figure minus the baseline's: floats, or arrays (K,) of the classes."""

    value: float | np.ndarray  # on the images as they are
    low: float | np.ndarray  # ends of the interval
    high: float | np.ndarray
    p: float | np.ndarray  # two-sided, of "no difference"


def distinguishable(difference: Difference) -> bool | np.ndarray:
    """Whether 0 lies outside the interval."""
    outside = (difference.low > 0) | (difference.high < 0)
    return outside if np.ndim(outside) else bool(outside)


@dataclass(frozen=True)
class Bootstrap:
    """The figures of each run on the images as they are, and on every draw of them.

    A figure is one of `FIGURES`, or `PER_CLASS`. Draws without an object to find are
    left out; a figure without any such draw is NaN.

    Attributes:
        values: Of each run the figures, then the APs of the classes (12 + K,).
        samples: Of each run the same for every draw (replicates, 12 + K).
    """

    values: dict[str, np.ndarray]
    samples: dict[str, np.ndarray]

    def interval(self, run: str, figure: str, level: float = 0.95) -> tuple:
        """Lower and upper end, each a float or an array (K,) of the classes."""
        column = _column(figure)
        value, sample = self.values[run][column], self.samples[run][:, column]
        return tuple(np.clip(_interval(value, sample, level), 0, 1))

    def difference(
        self, run: str, baseline: str, figure: str, level: float = 0.95
    ) -> Difference:
        """What ``run`` has more than ``baseline``, on the same draws."""
        column = _column(figure)
        value = self.values[run][column] - self.values[baseline][column]
        sample = self.samples[run][:, column] - self.samples[baseline][:, column]
        ends = _interval(value, sample, level)
        return Difference(value, *ends, _p_value(value, sample))


def bootstrap(
    runs: Mapping[str, Matches],
    replicates: int = 1000,
    seed: int = 0,
    progress: bool = True,
) -> Bootstrap:
    """Count all runs on the same ``replicates`` draws of the images.

    The draws follow from ``seed`` alone, whatever the number of cores. Where stderr is
    a terminal, ``progress`` shows a bar there.

    Raises:
        ValueError: No run, no replicate, or runs on different images or classes.
    """
    _check(runs, replicates)
    counters = [Counter(matches) for matches in runs.values()]
    n_images = len(next(iter(runs.values())).image_ids)

    def count(draw: np.random.SeedSequence) -> list[np.ndarray]:
        drawn = np.random.default_rng(draw).integers(n_images, size=n_images)
        weights = np.bincount(drawn, minlength=n_images)
        return [counter(weights) for counter in counters]

    values = [counter(np.ones(n_images, int)) for counter in counters]
    console = Console(stderr=True)
    with ThreadPoolExecutor() as pool:
        rows = track(
            pool.map(count, np.random.SeedSequence(seed).spawn(replicates)),
            'bootstrap',
            total=replicates,
            console=console,
            disable=not (progress and console.is_terminal),
        )
        # (replicates, runs, 12 + K) -> (runs, replicates, 12 + K)
        samples = np.array(list(rows)).swapaxes(0, 1)
    return Bootstrap(
        values=dict(zip(runs, values, strict=True)),
        samples=dict(zip(runs, samples, strict=True)),
    )


def _check(runs: Mapping[str, Matches], replicates: int) -> None:
    if not runs or replicates < 1:
        raise ValueError(f'{len(runs)} runs and {replicates} replicates')
    first = next(iter(runs))
    for name, matches in runs.items():
        if not np.array_equal(matches.objects, runs[first].objects) or not (
            np.array_equal(matches.image_ids, runs[first].image_ids)
        ):
            raise ValueError(f'{name} and {first} are not of the same annotations')


def _column(figure: str) -> int | slice:
    if figure == PER_CLASS:
        return slice(len(FIGURES), None)
    if figure not in FIGURES:
        raise ValueError(
            f'figure must be one of {FIGURES} or {PER_CLASS!r}: {figure!r}'
        )
    return FIGURES.index(figure)


def _interval(value, sample: np.ndarray, level: float) -> list:
    """Lower and upper end of the basic interval: the draws' quantiles, mirrored."""
    if not 0 < level < 1:
        raise ValueError(f'level must lie between 0 and 1, got {level}')
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'All-NaN', RuntimeWarning)
        ends = np.nanquantile(sample, [(1 + level) / 2, (1 - level) / 2], axis=0)
    return list(2 * value - ends)


def _p_value(value, sample: np.ndarray) -> float | np.ndarray:
    """1 minus the level at which the interval just reaches 0, and never 0 itself."""
    drawn = (~np.isnan(sample)).sum(0)
    rarer = np.minimum((sample <= 2 * value).sum(0), (sample >= 2 * value).sum(0))
    p = np.minimum(1, 2 * (rarer + 1) / (drawn + 1))
    return np.where(drawn > 0, p, np.nan)[()]
