"""Boxes ``[x, y, width, height]`` in pixels, and whether mmdet uses them."""

from itertools import chain

import numpy as np

from .entries import NUMBERS, Entries

# float32, in which mmdet keeps boxes, cannot tell pixels apart beyond it.
LARGEST = 2**24
# By how much the boxes of COCO itself stand out of their images, and more.
TOLERANCE = 1.0
# Of the boxes of a set: so many leave their image where two corners stand in the place
# of a corner and a size, and in real sets 1 in 100 does.
SOME, MOST = 0.05, 0.5
CORNERS = (
    'corners [x1, y1, x2, y2] in the place of [x, y, width, height] do this: write '
    'bbox as [x, y, width, height], or fix width and height of the images'
)


def check_boxes(annotations: Entries, images: Entries, reported: bool) -> None:
    """Reject what is no box; tell of boxes that mmdet drops without a word.

    Args:
        reported: Keep numbers that only training cannot use, as the metric does.
    """
    wrong = unfit_boxes(annotations.column('bbox'), np.inf if reported else LARGEST)
    what = 'have a bbox that is not 4 finite numbers, each below 2^24'
    if reported:
        what = 'have a bbox that is not 4 numbers'
    annotations.error(wrong, what, 'write it as [x, y, width, height] in pixels')
    boxes = np.array(annotations.column('bbox'), float).reshape(-1, 4)
    areas = np.array(annotations.column('area'), float)
    limits = image_sizes(annotations, images)
    with np.errstate(invalid='ignore'):  # infinity - infinity
        small = (boxes[:, 2:] < 1).any(1) | (areas <= 0)
        ends = boxes[:, :2] + boxes[:, 2:]
        inside = np.minimum(ends, limits) - np.maximum(boxes[:, :2], 0)
    beside = ~small & (inside <= 0).any(1)  # False where the image is not known
    beyond = (boxes[:, :2] < -TOLERANCE) | (ends > limits + TOLERANCE)
    beyond = ~small & ~beside & beyond.any(1)
    leaving = np.flatnonzero(beside | beyond)
    if reported:
        odd = np.flatnonzero(~np.isfinite(boxes).all(1) | ~np.isfinite(areas))
        what = 'have a bbox or area that is not finite'
        annotations.warn(odd, what, 'write [x, y, width, height] and area in pixels')
    else:
        # parse_data_info: `if ann['area'] <= 0 or w < 1 or h < 1: continue`
        annotations.warn(
            np.flatnonzero(small),
            'have no area, or a bbox below 1 pixel: mmdet leaves them out',
            'remove them, or fix width, height and area',
        )
    if len(leaving) > least_wrong(boxes, limits):
        tell = annotations.warn if reported else annotations.spoil
        tell(leaving, 'have a bbox that leaves the image', CORNERS)
    elif not reported:
        tell_of_limits(annotations, beside, beyond)


def least_wrong(boxes: np.ndarray, limits: np.ndarray) -> float:
    """How many boxes may leave their images before the whole set is taken for wrong.

    Most of them; or a few, where nearly all boxes are corners inside the image if read
    as such: of true boxes many are narrower than they are far from the left border.
    """
    corners = (boxes[:, 2:] > boxes[:, :2]) & (boxes[:, 2:] <= limits + TOLERANCE)
    likely = corners.all(1).sum() > (1 - SOME) * len(boxes)
    return len(boxes) * (SOME if likely else MOST)


def tell_of_limits(
    annotations: Entries, beside: np.ndarray, beyond: np.ndarray
) -> None:
    """A few boxes that leave their image, as they do in any real set."""
    annotations.warn(
        np.flatnonzero(beside),
        'have a bbox beside the image: mmdet leaves them out',
        'fix bbox: it is [x, y, width, height] and not two corners',
    )
    annotations.warn(
        np.flatnonzero(beyond),
        'have a bbox that reaches out of the image by more than 1 pixel',
        'cut it at the border: bbox is [x, y, width, height] and not two corners',
    )


def unfit_boxes(boxes: list, largest: float) -> list[int]:
    """Indexes of what is not 4 numbers up to a size; as a rule, found at once.

    Args:
        largest: Infinity lets NaN and infinity pass.
    """
    try:
        if set(map(type, boxes)) == {list} and set(map(len, boxes)) == {4}:
            numbers = list(chain.from_iterable(boxes))
            if set(map(type, numbers)) <= set(NUMBERS):
                sides = np.array(numbers, float).reshape(-1, 4)
                fits = (np.abs(sides) <= largest) | np.isinf(largest)
                return np.flatnonzero(~fits.all(1)).tolist()
    except OverflowError:  # a whole number beyond float64
        pass
    return [i for i, box in enumerate(boxes) if not is_box(box, largest)]


def is_box(box, largest: float) -> bool:
    if type(box) is not list or len(box) != 4 or not all(map(is_number, box)):
        return False
    return np.isinf(largest) or all(-largest <= value <= largest for value in box)


def is_number(value) -> bool:
    """Whether JSON gave a number, and float64 can hold it."""
    return type(value) is float or (type(value) is int and abs(value) < 2**1023)


def image_sizes(annotations: Entries, images: Entries) -> np.ndarray:
    """(N, 2) width and height of each annotation's image, NaN where not known."""
    unknown = (np.nan, np.nan)
    sizes = {
        image['id']: (image.get('width'), image.get('height')) for image in images.kept
    }
    sizes = {key: size for key, size in sizes.items() if all(map(is_number, size))}
    found = [sizes.get(key, unknown) for key in annotations.column('image_id')]
    return np.array(found, float).reshape(-1, 2)
