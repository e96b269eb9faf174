"""Simulations of what the report's intervals and marks are worth.

Each study yields a row a setting: shares of simulated reports, by the report's method
and by the plain bootstrap over images (the draws' quantiles, mirrored).
"""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from eca_mm.evaluation.bootstrap import Bootstrap, bootstrap
from eca_mm.evaluation.counting import FIGURES, Counter
from eca_mm.evaluation.difference import difference, distinguishable
from eca_mm.evaluation.marks import marks
from eca_mm.evaluation.variance import Side, variance

from .seeded_runs import World, simulate

SHOWN = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'AR100')
LARGE = 20_000  # images of a set whose AP counts as the truth


@dataclasses.dataclass
class Simulator:
    """Draws data sets and runs, and resamples them."""

    reports: int
    draws: int
    rng: np.random.Generator

    def sampled(self, world: World, arms: list[list[float]]) -> Bootstrap:
        """A report's bootstrap of groups a, b ... with runs of these skills."""
        groups = dict(zip('abcd', simulate(world, arms, self.rng), strict=False))
        seed = int(self.rng.integers(2**31))
        seeds = {name: [*range(len(runs))] for name, runs in groups.items()}
        return bootstrap(groups, self.draws, seed, progress=False, seeds=seeds)

    def truth(self, world: World, skills: list[float]) -> list[float]:
        """AP of runs of these skills on all the images there are."""
        large = dataclasses.replace(world, images=LARGE)
        once = np.ones(LARGE, int)
        runs = (simulate(large, [[skill]], self.rng)[0][0] for skill in skills)
        return [Counter(run)(once)[0] for run in runs]


def coverage(sim: Simulator) -> Iterator[dict]:
    """The interval of one run's AP, from 0.01 to 0.99."""
    skills = (-1.7, -1.2, -0.6, 0.5, 1.5, 2.4, 3, 3.6, 4)
    truths = [np.mean(sim.truth(World(1), [skill] * 3)) for skill in skills]
    for images in (10, 20, 50, 200):
        for skill, true in zip(skills, truths, strict=True):
            make = partial(sim.sampled, World(images), [[skill]])
            yield dict(images=images, true=true) | covered(sim, make, true, 'a')


def two_levels(sim: Simulator) -> Iterator[dict]:
    """The interval of a difference of groups of seeds."""
    world = World(60)
    grid = np.linspace(-1.5, 3, 10)
    curve = sim.truth(world, [*grid])
    one = [sim.sampled(world, [[0.5], [0.5]]) for _ in range(100)]
    variance = np.var([r.mean('a', 'AP') - r.mean('b', 'AP') for r in one]) / 2
    slope = (np.interp(0.7, grid, curve) - np.interp(0.3, grid, curve)) / 0.4
    many = sim.rng.standard_normal(20_000)
    settings = [(seeds, ratio, 0) for seeds in (2, 3, 5, 10) for ratio in (0, 1, 10)]
    settings += [(seeds, 1, 0.3) for seeds in (3, 5, 10)]
    for seeds, ratio, gap in settings:
        spread = np.sqrt(ratio * variance) / slope
        means = [
            np.interp(0.5 + skill + spread * many, grid, curve).mean()
            for skill in (0, gap)
        ]
        true = means[1] - means[0]

        def make(seeds=seeds, spread=spread, gap=gap) -> Bootstrap:
            luck = 0.5 + spread * sim.rng.standard_normal((2, seeds))
            luck[1] += gap
            return sim.sampled(world, luck.tolist())

        yield dict(images=60, seeds=seeds, seed_variance=ratio, true=true) | covered(
            sim, make, true, 'b', 'a'
        )


def normal(sim: Simulator) -> Iterator[dict]:
    """The same of figures that are normal numbers: ten times the reports, in no time.

    Half of the images' variance is shared by a group's runs, half is each run's own.
    """
    count = 10 * sim.reports
    for seeds in (2, 3, 5, 10):
        for ratio in (0, 1, 10):
            sides = [_normal_side(sim, seeds, ratio, count) for _ in 'ab']
            value = sides[0].values.mean(0) - sides[1].values.mean(0)
            freedom = np.full(count, sim.draws - 1.0)
            found = difference(value, variance(sides, freedom), 0.95)
            drawn = sides[0].samples.mean(1) - sides[1].samples.mean(1)
            half = 1.96 * drawn.std(0)
            held = (found.low < 0) & (found.high > 0)
            rows = [*zip(np.ones(count), held, np.abs(value) < half, strict=True)]
            yield dict(seeds=seeds, seed_variance=ratio, true=0.0) | _shares(rows)


def _normal_side(sim: Simulator, seeds: int, ratio: float, count: int) -> Side:
    """Runs whose luck of the images has variance 1 + 1, and of training 2 ratio."""

    def luck(*shape: int) -> np.ndarray:
        shared = sim.rng.standard_normal((*shape, 1, count))
        return shared + sim.rng.standard_normal((*shape, seeds, count))

    training = np.sqrt(2 * ratio) * sim.rng.standard_normal((seeds, count))
    return Side(luck() + training, luck(sim.draws))


def null(sim: Simulator) -> Iterator[dict]:
    """How often AP is marked where two runs do not differ."""
    settings = [
        (holding, images, skill, objects)
        for holding, images in ((10, 10), (10, 60), (20, 20), (60, 60))
        for skill, objects in ((-1, 2), (0.5, 2), (0.5, 6), (2.4, 2))
    ]
    for holding, images, skill, objects in settings:
        world = World(images, frequency=holding / images, objects=objects)
        found = marked(sim, world, [[skill], [skill]])
        yield dict(images=images, holding=holding, objects=objects) | found


def rare(sim: Simulator) -> Iterator[dict]:
    """The same of a mean over classes, of which some are rare."""
    for frequency in ((0.5, 0.05), (0.5,) * 9 + (0.02,), (0.3,) * 8 + (0.05,) * 8):
        world = World(100, len(frequency), frequency=np.array(frequency), background=4)
        yield dict(images=100, classes=len(frequency)) | marked(
            sim, world, [[0.5], [0.5]]
        )


def power(sim: Simulator) -> Iterator[dict]:
    """How often a difference is found that is there."""
    for images, gap in ((20, 0.7), (60, 0.35), (200, 0.2), (200, 0.3)):
        low, high = sim.truth(World(images), [0.5, 0.5 + gap])
        yield dict(images=images, true=high - low) | marked(
            sim, World(images), [[0.5], [0.5 + gap]]
        )


def gaps(sim: Simulator) -> Iterator[dict]:
    """The interval of a difference of two single runs that is not 0."""
    for images in (20, 60, 200):
        for skill, gap in ((0.5, 0.3), (0.5, 1), (2, 0.6)):
            world, arms = World(images), [[skill], [skill + gap]]
            low, high = (np.mean(sim.truth(world, 3 * arm)) for arm in arms)
            make = partial(sim.sampled, world, arms)
            true = high - low
            yield dict(images=images, true=true) | covered(sim, make, true, 'b', 'a')


def report(sim: Simulator) -> Iterator[dict]:
    """At least one mark in a whole report of runs that do not differ."""
    classes = 40
    frequency = 0.6 * np.arange(1, classes + 1) ** -0.8
    world = World(150, classes, frequency=frequency, background=20)
    for seeds in (1, 3):
        rows = []
        for _ in range(max(sim.reports // 2, 1)):
            luck = 0.5 + 0.1 * sim.rng.standard_normal((2, seeds))
            if seeds == 1:
                luck[:] = 0.5  # one run a side: training luck is not looked for
            result = sim.sampled(world, luck.tolist())
            plain = any(_plain_mark(result, f) for f in SHOWN)
            found = marks(dict(bbox=result), 'a', SHOWN)
            rows.append((1, bool(found.signs), plain))
        yield dict(images=150, classes=classes, seeds=seeds) | _shares(rows)


STUDIES: dict[str, Callable[[Simulator], Iterator[dict]]] = dict(
    coverage=coverage,
    two_levels=two_levels,
    normal=normal,
    null=null,
    rare=rare,
    power=power,
    gaps=gaps,
    report=report,
)


def covered(sim: Simulator, make: Callable, true: float, *groups: str) -> dict:
    """How often the interval of a group's AP, or of a difference, holds the truth."""
    rows = []
    for _ in range(sim.reports):
        result = make()
        if len(groups) == 1:
            low, high = result.interval(*groups, 'AP')
        else:
            found = result.difference(*groups, 'AP')
            low, high = found.low, found.high
        ends = _plain(result, 'AP', *groups)
        plain = ends[0] <= true <= ends[1]
        rows.append((not np.isnan(low), low <= true <= high, plain))
    return _shares(rows)


def marked(sim: Simulator, world: World, arms: list[list[float]]) -> dict:
    """How often the difference of AP is marked."""
    rows = []
    for _ in range(sim.reports):
        result = sim.sampled(world, arms)
        found = result.difference('b', 'a', 'AP')
        plain = _plain_mark(result, 'AP')
        rows.append((not np.isnan(found.p), distinguishable(found), plain))
    return _shares(rows)


def _shares(rows: list[tuple]) -> dict:
    """Of the reports with an interval, but for the plain bootstrap, which gives all."""
    given, ours, plain = np.array(rows, float).T
    share = ours[given == 1].mean() if given.any() else np.nan
    shares = dict(given=given.mean(), ours=share, plain=plain.mean())
    return dict(reports=len(rows)) | shares


def _plain_mark(result: Bootstrap, figure: str) -> bool:
    low, high = _plain(result, figure, 'b', 'a')
    return low > 0 or high < 0


def _plain(result: Bootstrap, figure: str, *groups: str) -> tuple[float, float]:
    """The basic interval of the mean of a group, or of a difference of two."""
    at = FIGURES.index(figure)
    first, *second = (
        (result.values[g][:, at].mean(), result.samples[g][:, :, at].mean(1))
        for g in groups
    )
    value, sample = first
    if second:
        value, sample = value - second[0][0], sample - second[0][1]
    low, high = np.nanquantile(sample, [0.025, 0.975])
    return 2 * value - high, 2 * value - low
