"""Made-up runs of known luck, for simulations of what the report says of them.

A run is what matching leaves of it: no boxes are made, so that thousands of data sets
take seconds. Every object has a quality in the eyes of a run; the higher it is, the
stricter the IoU it is found at, and the surer the run is of it. The quality is a sum of
what all runs see in the object, what those of one arm see, and what one run alone
sees (image luck), and of an arm's skill and a run's own (training luck).
"""

from dataclasses import dataclass

import numpy as np

from eca_mm.evaluation.matching import Matches
from eca_mm.evaluation.objects import PROTOCOL

THRESHOLDS = len(PROTOCOL.iouThrs)
SIZES = len(PROTOCOL.areaRng) - 1  # small, medium, large; the first range is all
# Qualities at which an object is found at IoU .5 to .95.
STEPS = np.linspace(0, 1.5, THRESHOLDS)


@dataclass(frozen=True)
class World:
    """A data set before it is drawn, and how differently runs see it.

    Standard deviations are those of an object's quality.

    Attributes:
        images: Number of images.
        classes: Number of classes.
        objects: Mean number of objects in an image that has some.
        frequency: Share of the images that have objects of a class; (K,) or one number.
        background: Mean number of false alarms in an image.
        shared: What all runs see alike in an object.
        arm: What the runs of one arm see alike.
        run: What a run alone sees.
        image: What all objects of an image have in common for a run.
    """

    images: int
    classes: int = 1
    objects: float = 2
    frequency: float | np.ndarray = 1
    background: float = 1
    shared: float = 1
    arm: float = 0.3
    run: float = 0.5
    image: float = 0.3


def simulate(
    world: World, arms: list[list[float]], rng: np.random.Generator
) -> list[list[Matches]]:
    """The runs of each arm on one draw of the images.

    Args:
        arms: Of each arm the skills of its runs: the mean quality of the objects.
    """
    w = world
    has = rng.random((w.images, w.classes)) < w.frequency
    counts = has * (1 + rng.poisson(max(w.objects - 1, 0), has.shape))
    pair = np.repeat(np.arange(has.size), counts.ravel())
    image, label = np.divmod(pair, w.classes)
    size = rng.integers(SIZES, size=len(pair))
    shared = w.shared * rng.standard_normal(len(pair))
    runs = []
    for skills in arms:
        seen = shared + w.arm * rng.standard_normal(len(pair))
        runs.append(
            [_run(w, (image, label, size), seen + skill, rng) for skill in skills]
        )
    return runs


def _run(w: World, objects: tuple, quality: np.ndarray, rng) -> Matches:
    """What one run finds of the ``objects``: their image, class and size."""
    n = len(quality)
    quality = quality + w.run * rng.standard_normal(n)
    quality += w.image * rng.standard_normal(w.images)[objects[0]]
    false = rng.poisson(w.background * w.images)
    limits = (w.images, w.classes, SIZES)
    image, label, size = (
        np.append(known, rng.integers(limit, size=false))
        for known, limit in zip(objects, limits, strict=True)
    )
    score = np.append(quality, rng.normal(-1, 1, false)) + rng.normal(0, 0.5, n + false)
    order = np.lexsort((-score, label))
    image, label, size, score = (x[order] for x in (image, label, size, score))
    # (T, D): background has no quality
    right = np.append(quality, np.full(false, -np.inf))[order] > STEPS[:, None]
    # (A, T, D): a detection counts among all, and in its own size
    ignored = np.stack([np.zeros_like(size, bool), *(size != z for z in range(SIZES))])
    shape = (SIZES + 1, THRESHOLDS, n + false)
    return Matches(
        category_ids=np.arange(1, w.classes + 1),
        image_ids=np.arange(1, w.images + 1),
        starts=np.searchsorted(label, np.arange(w.classes + 1)),
        image=image.astype(np.int32),
        score=score,
        rank=_ranks(image, label).astype(np.int32),
        matched=np.broadcast_to(right, shape),
        ignored=np.broadcast_to(ignored[:, None], shape),
        objects=_objects(w, *objects),
        index=order,
    )


def _ranks(image: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Place among the detections of the same class and image, which are in order."""
    order = np.lexsort((np.arange(len(image)), image, label))
    key = label[order].astype(np.int64) * (image.max(initial=0) + 1) + image[order]
    _, first, count = np.unique(key, return_index=True, return_counts=True)
    rank = np.empty(len(image), int)
    rank[order] = np.arange(len(image)) - np.repeat(first, count)
    return rank


def _objects(w: World, image, label, size) -> np.ndarray:
    """(K, A, I) number of objects."""
    counts = np.zeros((w.classes, SIZES + 1, w.images), int)
    np.add.at(counts, (label, 0, image), 1)
    np.add.at(counts, (label, size + 1, image), 1)
    return counts
