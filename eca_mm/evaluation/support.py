"""How many images a figure rests on, and whether they are enough to say how sure it is.

An image tells of a class if it holds objects of it. A mean over classes is as sure as
its classes: a class in n images has a variance of about 1 / n, and what is known of it
comes from n - 1 degrees of freedom. Satterthwaite's formula puts these together
(Biometrics Bulletin 2, 1946). So a mean over many classes bears a few rare ones, and
that of two classes, one of them in two images, rests on little more than these two.
"""

from dataclasses import dataclass

import numpy as np

from .matching import Matches

# Images below which there is no interval and no mark. From here on AP of two models
# that do not differ is marked in 0.3 to 7 % of reports (study "null" in
# benchmarks/statistics.csv, 600 reports a row; mean of the rows: 4 %).
LEAST_IMAGES = 10
# Of each figure its place among the area ranges: all, small, medium, large.
AREAS = (0, 0, 0, 1, 2, 3) * 2
# Degrees of freedom of a class in one image, of whose variance nothing is known.
OF_ONE = 0.5


@dataclass(frozen=True)
class Support:
    """What each figure, then the AP of each class, rests on; arrays (12 + K,).

    Attributes:
        images: Images that hold objects: of any class, then of each.
        freedom: Degrees of freedom that the images give.
        excess: What the draws' standard deviation of a difference is too small by: the
            n / (n - 1) of n images, of a mean its classes' together. On few images
            its square root, which a plain mean would need, is not enough.
    """

    images: np.ndarray
    freedom: np.ndarray
    excess: np.ndarray

    @property
    def enough(self) -> np.ndarray:
        """(12 + K,) bool."""
        return self.freedom >= LEAST_IMAGES - 1


def support(matches: Matches) -> Support:
    """Count the images; a class without objects does not count."""
    holds = matches.objects > 0  # (K, A, I)
    of_classes = holds.sum(2)  # (K, A)
    of_means = holds.any(0).sum(1)  # (A,)
    each = [_of_classes(n[n > 0]) for n in of_classes.T]
    freedom, excess = np.array([each[area] for area in AREAS]).T
    n = of_classes[:, 0]
    return Support(
        images=np.array([*(of_means[area] for area in AREAS), *n]),
        freedom=np.append(freedom, np.maximum(n - 1, 0)),
        excess=np.append(excess, n / np.maximum(n - 1, 1)),
    )


def _of_classes(images: np.ndarray) -> tuple[float, float]:
    """Degrees of freedom and excess of a mean over classes in so many images each."""
    if not len(images):
        return 0.0, 1.0
    variance = 1 / images
    known = variance * (images - 1) / images  # what draws of the images show of it
    freedom = variance.sum() ** 2 / (variance**2 / np.maximum(images - 1, OF_ONE)).sum()
    return freedom, variance.sum() / known.sum() if known.any() else 1.0
