"""How sure a COCO figure is, and a difference of two groups of runs.

Images are drawn with replacement and counted as often as they were drawn; all runs see
the same draws. What the draws say of the images' luck and the seeds of that of training
is put together in `variance.py`.

A figure's own interval is worked out on the logit scale, with a t quantile: it stays
between 0 and 1 and is long to the side where there is room. On the plain scale the
draws' quantiles are far too sure of an AP near an end or on few images: with 20 images
the mirrored ("basic") ones held a true AP of 0.06 and of 0.95 in 85 and 79 % of 600
sets, these in 94 and 98 %. More such simulations are in benchmarks/statistics.csv.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from eca_mm.progress import track

from .counting import FIGURES, Counter, figures, per_class
from .difference import Difference, difference, distinguishable
from .matching import Matches
from .seed_pairs import pairs_of, subtract
from .support import LEAST_IMAGES, Support, support
from .variance import Side, variance

__all__ = [
    'FIGURES',
    'LEAST_IMAGES',
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
# As near to 0 or 1 a figure hangs on one or two of the 101 recalls at which COCO reads
# the precision: no interval.
END = 0.01
# A draw may have an AP of 0 or 1, which has no logit.
CLIP = 1e-4
# Draws counted in one go: no more, for the memory; no fewer, for the time.
AT_ONCE = 10


@dataclass(frozen=True)
class Bootstrap:
    """The figures of each group's runs on the images as they are, and on every draw.

    A figure is one of `FIGURES`, or `PER_CLASS`. Draws without an object to find are
    left out; a figure without any such draw is NaN. Interval and p are NaN where too
    few images hold objects (`Support`), an interval also within END of 0 and 1, and a
    difference where both sides lie at the same end.

    Attributes:
        values: Of each group, of its n runs the figures, then the APs of the classes
            (n, 12 + K).
        samples: The same on every draw (replicates, n, 12 + K).
        support: What each figure rests on.
        seeds: Of each group the seeds of its runs, where they are known.
    """

    values: dict[str, np.ndarray]
    samples: dict[str, np.ndarray]
    support: Support
    seeds: Mapping[str, Sequence[int | None]] = field(default_factory=dict)

    def mean(self, group: str, figure: str) -> float | np.ndarray:
        """Over the seeds: a float, or an array (K,) of the classes."""
        return self.values[group][:, _column(figure)].mean(0)[()]

    def images(self, figure: str) -> int | np.ndarray:
        """In how many images the objects are: a number, or (K,) of the classes."""
        return self.support.images[_column(figure)]

    def interval(self, group: str, figure: str, level: float = 0.95) -> tuple:
        """Lower and upper end, each a float or an array (K,) of the classes."""
        _check_level(level)
        column = _column(figure)
        side = self._side(group, column)
        middle = side.values.mean(0)
        found = variance([Side(*map(_logit, side))], self.support.freedom[column])
        half = stats.t.ppf((1 + level) / 2, found.freedom) * found.error
        ends = (_sigmoid(_logit(middle) + sign * half) for sign in (-1, 1))
        given = self.support.enough[column] & (np.abs(middle - 0.5) < 0.5 - END)
        return tuple(np.where(given, end, np.nan)[()] for end in ends)

    def difference(
        self, group: str, baseline: str, figure: str, level: float = 0.95
    ) -> Difference:
        """What ``group`` has more than ``baseline``, on the same images and draws."""
        _check_level(level)
        column = _column(figure)
        sides = [self._side(name, column) for name in (group, baseline)]
        value = sides[0].values.mean(0) - sides[1].values.mean(0)
        at_end = [np.abs(side.values.mean(0) - 0.5) >= 0.5 - END for side in sides]
        hangs = at_end[0] & at_end[1] & (np.abs(value) < END)  # both at the same end
        pairs = self._pairs(group, baseline)
        if pairs:
            sides = [subtract(*sides, pairs)]
        rests = self.support
        found = variance(sides, rests.freedom[column], rests.excess[column])
        told = self.support.enough[column] & ~hangs
        return _where(told, difference(value, found, level, bool(pairs)))

    def _pairs(self, group: str, baseline: str) -> list[int] | None:
        """Where the baseline has the group's seeds, if seed is compared with seed."""
        seeds = (list(self.seeds.get(name, [])) for name in (group, baseline))
        aps = (self.values[name][:, 0] for name in (group, baseline))
        return pairs_of(*seeds, *aps)

    def _side(self, group: str, column: int | slice) -> Side:
        return Side(self.values[group][:, column], self.samples[group][:, :, column])


def _where(told: np.ndarray, found: Difference) -> Difference:
    """A difference, whose interval and p are NaN elsewhere."""
    low, high, p = (
        np.where(told, x, np.nan)[()] for x in (found.low, found.high, found.p)
    )
    return Difference(found.value, low, high, p, found.variance, found.paired)


def bootstrap(
    groups: Mapping[str, Matches | Sequence[Matches]],
    replicates: int = 1000,
    seed: int = 0,
    progress: bool = True,
    seeds: Mapping[str, Sequence[int | None]] | None = None,
) -> Bootstrap:
    """Count all runs on the same ``replicates`` draws of the images.

    The draws follow from ``seed`` alone, whatever the number of cores. Where stderr is
    a terminal, ``progress`` shows a bar there.

    Args:
        groups: Of each group the runs, or its only one.
        seeds: Of each group the seeds its runs were trained with, where known.

    Raises:
        ValueError: No run, no replicate, or runs on different images or classes.
    """
    runs = {
        (name, i): matches
        for name, of_group in groups.items()
        for i, matches in enumerate(
            [of_group] if isinstance(of_group, Matches) else of_group
        )
    }
    _check(groups, runs, replicates)
    counters = [Counter(matches) for matches in runs.values()]
    first = next(iter(runs.values()))
    n_images = len(first.image_ids)
    values = np.array([counter(np.ones(n_images, int)) for counter in counters])
    # (replicates, runs, 12 + K)
    samples = np.concatenate(
        list(_drawn(counters, n_images, replicates, seed, progress))
    )
    order = [name for name, _ in runs]
    places = {name: [i for i, of in enumerate(order) if of == name] for name in groups}
    return Bootstrap(
        values={name: values[at] for name, at in places.items()},
        samples={name: samples[:, at] for name, at in places.items()},
        support=support(first),
        seeds=seeds or {},
    )


def _drawn(
    counters: list[Counter], n_images: int, replicates: int, seed: int, bar: bool
):
    """The figures of all runs, a few draws at a time (AT_ONCE, runs, 12 + K)."""

    def count(draws: list[np.random.SeedSequence]) -> np.ndarray:
        drawn = (
            np.random.default_rng(d).integers(n_images, size=n_images) for d in draws
        )
        weights = np.array([np.bincount(d, minlength=n_images) for d in drawn])
        # (runs, draws, 12 + K) -> (draws, runs, 12 + K)
        return np.stack([counter.many(weights) for counter in counters], axis=1)

    draws = np.random.SeedSequence(seed).spawn(replicates)
    parts = [draws[i : i + AT_ONCE] for i in range(0, replicates, AT_ONCE)]
    with ThreadPoolExecutor() as pool:
        yield from track(pool.map(count, parts), 'bootstrap', len(parts), bar)


def _check(groups: Mapping, runs: Mapping[tuple, Matches], replicates: int) -> None:
    if not runs or replicates < 1:
        raise ValueError(f'{len(runs)} runs and {replicates} replicates')
    if empty := set(groups) - {name for name, _ in runs}:
        raise ValueError(f'{empty.pop()} has no run')
    first = next(iter(runs))
    for run, matches in runs.items():
        if not np.array_equal(matches.objects, runs[first].objects) or not (
            np.array_equal(matches.image_ids, runs[first].image_ids)
        ):
            raise ValueError(f'{run[0]} and {first[0]} are not of the same annotations')


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f'level must lie between 0 and 1, got {level}')


def _column(figure: str) -> int | slice:
    if figure == PER_CLASS:
        return slice(len(FIGURES), None)
    if figure not in FIGURES:
        raise ValueError(
            f'figure must be one of {FIGURES} or {PER_CLASS!r}: {figure!r}'
        )
    return FIGURES.index(figure)


def _logit(figure: np.ndarray) -> np.ndarray:
    figure = np.clip(figure, CLIP, 1 - CLIP)
    return np.log(figure / (1 - figure))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
