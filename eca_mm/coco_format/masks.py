"""Segmentations: polygons ``[[x1, y1, x2, y2, ...], ...]`` or run lengths."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeGuard

import numpy as np

from .boxes import image_sizes
from .entries import NUMBERS, Entries
from .images import MOST_PIXELS
from .rle import covered, covered_by_texts

CHUNK = 50_000  # annotations at a time: the numbers of their polygons take 20 MB
POLYGONS = 'write polygons as [[x1, y1, x2, y2, x3, y3, ...], ...]'
RUNS = 'write size as [height, width], and counts that add up to all pixels'


def check_masks(
    annotations: Entries, images: Entries, masks: bool, evaluated: bool
) -> None:
    """Segmentations, which a run of boxes does not read."""
    if masks:
        empty = [i for i, s in enumerate(annotations.column('segmentation')) if not s]
        what = 'have no segmentation, which masks are made of'
        annotations.error(empty, what, 'add it, or use a config for boxes alone')
    tell = annotations.error if masks else annotations.warn
    wrong = wrong_forms(annotations.column('segmentation'))
    tell(
        wrong, 'have a segmentation that is neither polygons nor run lengths', POLYGONS
    )
    if not masks:
        return
    tell = annotations.error if evaluated else annotations.warn
    what = 'have polygons of an odd length or below 3 points: mmdet leaves these out'
    tell(short_polygons(annotations.column('segmentation')), what, POLYGONS)
    what = 'have polygons that are not finite or reach far out of the image'
    far = far_polygons(annotations, image_sizes(annotations, images))
    annotations.error(far, what, 'fix polygons and image size: both are in pixels')
    unfit = unfit_runs(annotations, image_sizes(annotations, images))
    annotations.error(unfit, 'have run lengths that do not fill the image', RUNS)
    crowd = [
        i
        for i, entry in enumerate(annotations.kept)
        if entry.get('iscrowd') and isinstance(entry['segmentation'], list)
    ]
    what = 'are a crowd with polygons in place of run lengths'
    annotations.warn(crowd, what, 'set iscrowd to 0 if each is one object')


def wrong_forms(segmentations: list) -> Iterator[int]:
    """Indexes of what has neither form; an absent or empty one is none of them."""
    for start in range(0, len(segmentations), CHUNK):
        part = segmentations[start : start + CHUNK]
        if not all_polygons(part):  # as nearly always
            yield from (start + i for i, s in enumerate(part) if not has_form(s))


def all_polygons(segmentations: list) -> bool:
    if set(map(type, segmentations)) != {list}:
        return False
    polygons = list(chain.from_iterable(segmentations))
    if not set(map(type, polygons)) <= {list}:
        return False
    return set(map(type, chain.from_iterable(polygons))) <= set(NUMBERS)


def has_form(value) -> bool:
    if not isinstance(value, dict):
        return value is None or all_polygons([value])
    size, counts = value.get('size'), value.get('counts')
    return (
        is_sizes(size) and len(size) == 2 and (type(counts) is str or is_sizes(counts))
    )


def is_sizes(value) -> TypeGuard[list[int]]:
    """Whether it is a list of whole numbers that pixels can be counted with."""
    return type(value) is list and all(
        type(n) is int and 0 <= n <= MOST_PIXELS for n in value
    )


def is_short(polygon: list) -> bool:
    # LoadAnnotations: `if len(polygon) % 2 == 0 and len(polygon) >= 6`
    return len(polygon) % 2 == 1 or len(polygon) < 6


def short_polygons(segmentations: list) -> list[int]:
    return [
        i
        for i, value in enumerate(segmentations)
        if isinstance(value, list) and any(map(is_short, value))
    ]


def far_polygons(annotations: Entries, sizes: np.ndarray) -> Iterator[int]:
    """Indexes of those with a point beside the image by more than its longer side.

    pycocotools walks along every pixel of their edges: one number too large, and the
    process ends for lack of memory.

    Args:
        sizes: (N, 2) of the image of each annotation; NaN: it is not used.
    """
    sides = np.nan_to_num(sizes.max(1), nan=np.inf)
    segmentations = annotations.column('segmentation')
    for start in range(0, len(segmentations), CHUNK):
        of_chunk = [
            (start + i, polygon)
            for i, value in enumerate(segmentations[start : start + CHUNK])
            if isinstance(value, list)
            for polygon in value
            if not is_short(polygon)
        ]
        if of_chunk:
            owner, polygons = zip(*of_chunk, strict=True)
            side = sides[list(owner)]
            low, high = extent(polygons)
            near = (low >= -side) & (high <= 2 * side)  # False for NaN
            yield from np.array(owner)[~near]


def extent(polygons: Iterable[list]) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest number of each polygon, which has some."""
    first = np.cumsum([0, *map(len, polygons)])[:-1]
    try:
        numbers = np.fromiter(chain.from_iterable(polygons), float)
    except OverflowError:  # a whole number beyond float64
        every = chain.from_iterable(polygons)
        numbers = np.array([n if -1e300 < n < 1e300 else np.nan for n in every], float)
    return np.minimum.reduceat(numbers, first), np.maximum.reduceat(numbers, first)


def unfit_runs(annotations: Entries, sizes: np.ndarray) -> list[int]:
    """Indexes of run lengths that are not of the image's size or do not fill it.

    Args:
        sizes: (N, 2) width and height of each image; NaN: it is not used.
    """
    found = [
        (i, entry['segmentation'])
        for i, entry in enumerate(annotations.kept)
        if isinstance(entry['segmentation'], dict) and np.isfinite(sizes[i, 0])
    ]
    texts = [(i, s['counts']) for i, s in found if isinstance(s['counts'], str)]
    pixels = {
        i: covered(s['counts']) for i, s in found if isinstance(s['counts'], list)
    }
    sums = covered_by_texts([text for _, text in texts])
    pixels |= {i: total for (i, _), total in zip(texts, sums, strict=True)}
    return [
        i
        for i, segmentation in found
        if segmentation['size'] != [sizes[i, 1], sizes[i, 0]]
        or pixels[i] != sizes[i, 0] * sizes[i, 1]
    ]
