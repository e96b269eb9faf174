"""The two kinds of luck in a mean over seeds, and in a difference of two such means.

A run's figure on these images differs from what it would be on average by the luck of
the images and by that of its training. All runs see the same images (the factors are
crossed), and a group's seeds are nested in it. Three parts of variance follow:

* what the images do to all seeds of a group alike, the same however many there are;
* what they do to one run alone;
* what training does to a run.

The spread of a group's seeds *on the same images* holds the last two and not the first;
draws of the images, the same for all runs, hold the first two and not the last. So the
variance of a mean over n seeds is

    that of the means on the draws
    - (variance between the seeds' deviations on a draw) / n    [else counted twice]
    + (variance between the seeds) / n,

and of a difference of two groups the sum, with the means' difference in the first line:
what the images do to both groups alike cancels. The t quantile has Satterthwaite's
degrees of freedom (Biometrics Bulletin 2, 1946), so that three seeds count as three.

Sources: crossed factors and why plain bootstraps of both are too wide or too narrow:
Owen and Eckles, "Bootstrapping data arrays of arbitrary order" (Annals of Applied
Statistics 6, 2012). That training luck belongs into a comparison: Bouthillier et al.,
"Accounting for variance in machine learning benchmarks" (MLSys 2021, arXiv 2103.03098).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


class Side(NamedTuple):
    """The figures of a group's n seeds on the images (n, F), and on draws (B, n, F)."""

    values: np.ndarray
    samples: np.ndarray


@dataclass(frozen=True)
class Variance:
    """Of a mean over seeds, or a difference of two; arrays (F,) of the figures.

    Attributes:
        images: What other images would change, with a run's own part where training
            luck is not known.
        freedom_of_images: Degrees of freedom behind it.
        training: Of each side the variance between its seeds on the same images; empty
            where a side has one run.
        seeds: Of each side the number of seeds.
        own: Of each side what the images do to one run alone, which ``training`` holds
            too: the seeds' spread on the same images.
    """

    images: np.ndarray
    freedom_of_images: np.ndarray
    training: tuple[np.ndarray, ...]
    seeds: tuple[int, ...]
    own: tuple[np.ndarray, ...] = ()

    @property
    def parts(self) -> list[np.ndarray]:
        """What the spread of each side's seeds adds."""
        return [v / n for v, n in zip(self.training, self.seeds, strict=False)]

    @property
    def total(self) -> np.ndarray:
        return self.images + sum(self.parts)

    @property
    def error(self) -> np.ndarray:
        """The standard error."""
        return np.sqrt(self.total)

    @property
    def share(self) -> np.ndarray:
        """Training's share of the variance; NaN where it is not known.

        Of the seeds' spread that is what the images do not explain.
        """
        if not self.training:
            return np.full(np.shape(self.images), np.nan)
        each = zip(self.training, self.own, self.seeds, strict=True)
        with np.errstate(invalid='ignore'):
            return sum(np.maximum(v - own, 0) / n for v, own, n in each) / self.total

    @property
    def freedom(self) -> np.ndarray:
        """Degrees of freedom of the whole, after Satterthwaite."""
        of_seeds = zip(self.parts, self.seeds, strict=False)
        terms = [part**2 / (n - 1) for part, n in of_seeds]
        with np.errstate(invalid='ignore', divide='ignore'):
            terms.append(self.images**2 / self.freedom_of_images)
            found = self.total**2 / sum(terms)
        return np.where(self.total > 0, found, self.freedom_of_images)

    def with_seeds(self, count: int) -> 'Variance':
        """As it would be with so many seeds a side."""
        return replace(self, seeds=(count,) * len(self.seeds))


def variance(
    sides: Sequence[Side], freedom: np.ndarray, excess: np.ndarray | float = 1
) -> Variance:
    """Of a group's mean (one side), or the first's mean minus the second's.

    Args:
        sides: One or two. Seeds that belong together are one side, that of their
            differences.
        freedom: (F,) degrees of freedom that the images give.
        excess: (F,) or a number; see `Support`.

    Draws without a figure (NaN) are left out; what none has is NaN.
    """
    seeds = tuple(len(side.values) for side in sides)
    first, *second = (side.samples.mean(1) for side in sides)
    drawn = first - second[0] if second else first
    images = _nan(np.nanvar, drawn, ddof=1) * excess**2
    if min(seeds) == 1:
        return Variance(images, freedom, (), seeds)
    own = tuple(_own(side.samples) * excess**2 for side in sides)
    alone = sum(of_side / n for of_side, n in zip(own, seeds, strict=True))
    return Variance(
        images=np.maximum(images - alone, 0),
        freedom_of_images=freedom,
        training=tuple(side.values.var(0, ddof=1) for side in sides),
        seeds=seeds,
        own=own,
    )


def _own(samples: np.ndarray) -> np.ndarray:
    """(F,) variance of what the images do to one run alone."""
    deviations = samples - _nan(np.nanmean, samples)
    return _nan(np.nanmean, deviations.var(1, ddof=1))


def _nan(function, samples: np.ndarray, **options) -> np.ndarray:
    """A nan function of numpy over the draws (B, ...); NaN where there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        return function(samples, axis=0, **options)
