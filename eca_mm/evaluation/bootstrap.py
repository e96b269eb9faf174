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
# Images with an object, below which the draws say nothing: if all of n images differ
# to the same side, so does every draw of them, and chance does that with 2 * 0.5^n,
# which is below 1 in 20 from 6 on.
LEAST_IMAGES = 6
# Of the classes in a mean: some may be that rare, but not one of three.
RARE = 0.1
# Of each figure its place among the area ranges: all, small, medium, large.
AREAS = (0, 0, 0, 1, 2, 3) * 2


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
    left out; a figure without any such draw is NaN. Interval and p are NaN for a class
    whose objects are in fewer than LEAST_IMAGES images, and for the mean of classes of
    which more than RARE are such.

    Attributes:
        values: Of each run the figures, then the APs of the classes (12 + K,).
        samples: Of each run the same for every draw (replicates, 12 + K).
        images: In how many images the objects of each class are (12 + K,); of the
            figures, those of the class that RARE of the classes lie below.
    """

    values: dict[str, np.ndarray]
    samples: dict[str, np.ndarray]
    images: np.ndarray

    def interval(self, run: str, figure: str, level: float = 0.95) -> tuple:
        """Lower and upper end, each a float or an array (K,) of the classes."""
        column = _column(figure)
        value, sample = self.values[run][column], self.samples[run][:, column]
        ends = np.clip(_interval(value, sample, level), 0, 1)
        return tuple(self._where_enough(column, *ends))

    def difference(
        self, run: str, baseline: str, figure: str, level: float = 0.95
    ) -> Difference:
        """What ``run`` has more than ``baseline``, on the same draws."""
        column = _column(figure)
        value = self.values[run][column] - self.values[baseline][column]
        sample = self.samples[run][:, column] - self.samples[baseline][:, column]
        ends = *_interval(value, sample, level), _p_value(value, sample)
        return Difference(value, *self._where_enough(column, *ends))

    def _where_enough(self, column: int | slice, *values) -> list:
        enough = self.images[column] >= LEAST_IMAGES
        return [np.where(enough, value, np.nan)[()] for value in values]


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
        images=_images(next(iter(runs.values()))),
    )


def _images(matches: Matches) -> np.ndarray:
    """`Bootstrap.images`, in which a class without objects does not count."""
    images = (matches.objects > 0).sum(2)  # (K, A)
    counts = [np.sort(of_area[of_area > 0]) for of_area in images.T]
    of_area = [n[int(RARE * len(n))] if len(n) else 0 for n in counts]
    return np.array([*(of_area[area] for area in AREAS), *images[:, 0]])


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
