"""Whether two files in COCO's result format hold the same detections."""

import json
from collections import defaultdict
from pathlib import Path

# Of a score, and of a coordinate in sides of the image: the last digit of a coordinate
# in float32 is 1e-5 pixels in these images.
LIMIT = 1e-5


class DifferentError(Exception):
    """They are not the same; says in what."""


def read(path: Path) -> dict[tuple[int, int], list[dict]]:
    """The detections of each image and class, the best score first."""
    found = defaultdict(list)
    for entry in json.loads(path.read_text()):
        found[entry['image_id'], entry['category_id']].append(entry)
    for entries in found.values():
        entries.sort(key=lambda entry: (-entry['score'], entry['bbox']))
    return found


def distance(a: dict, b: dict, side: float) -> float:
    """The largest difference of two detections, boxes in sides of the image."""
    boxes = zip(a['bbox'], b['bbox'], strict=True)
    return max(abs(a['score'] - b['score']), *(abs(x - y) / side for x, y in boxes))


def compare(reference: Path, other: Path, side: float) -> tuple[int, float]:
    """How many detections there are, and their largest difference.

    Detections of about the same score may come in another order: each is compared with
    the nearest of those that are left.

    Args:
        side: of an image, in pixels.

    Raises:
        DifferentError: There is none at all, one has no partner, or a difference is
            larger than LIMIT.
    """
    ours, theirs = read(reference), read(other)
    worst, number = 0.0, 0
    for key in ours.keys() | theirs.keys():
        left = list(theirs.get(key, []))
        if len(left) != len(ours.get(key, [])):
            raise DifferentError(
                f'image {key[0]}, class {key[1]}: {len(left)} detections instead of '
                f'{len(ours.get(key, []))}'
            )
        for entry in ours[key]:
            nearest = min(left, key=lambda one: distance(entry, one, side))
            left.remove(nearest)
            worst, number = max(worst, distance(entry, nearest, side)), number + 1
    if not number:
        raise DifferentError('nothing was detected, so there is nothing to compare')
    if worst > LIMIT:
        raise DifferentError(f'a detection differs by {worst:.1e}')
    return number, worst
