"""Boxes ``[x, y, width, height]`` in pixels, and whether mmdet uses them."""

import numpy as np

from .entries import NUMBERS, Entries

# float32, in which mmdet keeps boxes, cannot tell pixels apart beyond it.
LARGEST = 2**24
# By how much the boxes of COCO itself stand out of their images, and more.
TOLERANCE = 1.0


def check_boxes(annotations: Entries, images: Entries) -> None:
    """Refuse what is no box; tell of boxes that mmdet drops without a word."""
    boxes = annotations.column('bbox')
    wrong = [i for i, box in enumerate(boxes) if not is_box(box)]
    annotations.error(
        wrong,
        'have a bbox that is not 4 finite numbers, each below 2^24',
        'write it as [x, y, width, height] in pixels',
    )
    boxes = np.array(annotations.column('bbox'), float).reshape(-1, 4)
    areas = np.array(annotations.column('area'), float)
    left_top, sizes = boxes[:, :2], boxes[:, 2:]
    # parse_data_info: `if ann['area'] <= 0 or w < 1 or h < 1: continue`
    small = (sizes < 1).any(1) | (areas <= 0)
    annotations.warn(
        np.flatnonzero(small),
        'have no area, or a bbox below 1 pixel: mmdet leaves them out',
        'remove them, or mend width, height and area',
    )
    limits = image_sizes(annotations, images)
    inside = np.minimum(left_top + sizes, limits) - np.maximum(left_top, 0)
    beside = ~small & (inside <= 0).any(1)  # False where the image is not known
    annotations.warn(
        np.flatnonzero(beside),
        'have a bbox beside the image: mmdet leaves them out',
        'mend bbox: it is [x, y, width, height] and not two corners',
    )
    beyond = (left_top < -TOLERANCE) | (left_top + sizes > limits + TOLERANCE)
    annotations.warn(
        np.flatnonzero(~small & ~beside & beyond.any(1)),
        'have a bbox that reaches out of the image by more than 1 pixel',
        'cut it at the border: bbox is [x, y, width, height] and not two corners',
    )


def is_box(box: list) -> bool:
    return len(box) == 4 and all(
        type(v) in NUMBERS and -LARGEST <= v <= LARGEST for v in box
    )


def image_sizes(annotations: Entries, images: Entries) -> np.ndarray:
    """(N, 2) width and height of each annotation's image, NaN where not known."""
    unknown = (np.nan, np.nan)
    sizes = {image['id']: (image['width'], image['height']) for image in images.kept}
    found = [sizes.get(key, unknown) for key in annotations.column('image_id')]
    return np.array(found, float).reshape(-1, 2)
