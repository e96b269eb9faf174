"""Objects and detections as arrays, sorted for matching."""

from dataclasses import dataclass

import numpy as np
from pycocotools import mask
from pycocotools.cocoeval import Params

# COCO's IoU thresholds, area ranges (all, small, medium, large) and limits.
PROTOCOL = Params(iouType='bbox')


@dataclass(frozen=True)
class Regions:
    """N objects or detections; those of one pair of class and image side by side."""

    pair: np.ndarray  # (N,) index of the class * I + index of the image, rising
    rank: np.ndarray  # (N,) place within the pair
    score: np.ndarray  # (N,) falling within a pair; 0 for objects
    crowd: np.ndarray  # (N,) bool
    shapes: np.ndarray | list[dict]  # (N, 4) boxes x, y, width, height, or N RLE masks
    outside: np.ndarray  # (A, N) bool, the area lies outside the range
    lost: np.ndarray  # (N,) bool, objects that never count as found: of id 0
    index: np.ndarray  # (N,) place in the annotations or results

    @property
    def left_out(self) -> np.ndarray:
        """(A, N) bool, objects that need not be found."""
        return self.outside | self.crowd


def read_regions(rows, classes, images, sizes, detected: bool = False) -> Regions:
    """Objects, or the best detections of each pair, as arrays.

    Their shapes are masks where the images' ``sizes`` are given, else boxes.
    """
    label, image = (
        np.array([row[key] for row in rows]) for key in ('category_id', 'image_id')
    )
    known = np.isin(label, classes) & np.isin(image, images)
    label, image = np.searchsorted(classes, label), np.searchsorted(images, image)
    pair = label * len(images) + image
    score = np.array([row['score'] if detected else 0 for row in rows], float)
    # Stable: equal scores keep the order of the file.
    order = np.lexsort((-score, pair))
    order = order[known[order]]
    rank = _rank(pair[order])
    if detected:
        keep = rank < PROTOCOL.maxDets[-1]
        order, rank = order[keep], rank[keep]
    rows = [rows[i] for i in order]
    shapes = _masks(rows, sizes) if sizes else _boxes(rows)
    area = _areas(shapes) if detected else np.array([row['area'] for row in rows])
    return Regions(
        pair=pair[order],
        rank=rank,
        score=score[order],
        crowd=np.array([row.get('iscrowd', 0) for row in rows], bool),
        shapes=shapes,
        outside=_outside(area),
        lost=np.array([not detected and row['id'] == 0 for row in rows], bool),
        index=order,
    )


def _rank(pair: np.ndarray) -> np.ndarray:
    """Place of each element among its equals in the sorted ``pair``."""
    return np.arange(len(pair)) - np.searchsorted(pair, pair)


def _boxes(rows: list[dict]) -> np.ndarray:
    return np.array([row['bbox'] for row in rows], float).reshape(-1, 4)


def _masks(rows: list[dict], sizes: dict) -> list[dict]:
    return [with_run_lengths(row, sizes) for row in rows]


def with_run_lengths(row: dict, sizes: dict) -> dict:
    """The mask of an object or detection, from polygons or runs, as compressed RLE."""
    shape = row['segmentation']
    if isinstance(shape, list):
        return mask.merge(mask.frPyObjects(shape, *sizes[row['image_id']]))
    if isinstance(shape['counts'], list):
        return mask.frPyObjects(shape, *shape['size'])
    return shape


def sizes_of(images: list[dict]) -> dict:
    """Height and width of each image id."""
    return {row['id']: (row['height'], row['width']) for row in images}


def _areas(shapes: np.ndarray | list[dict]) -> np.ndarray:
    if isinstance(shapes, list):
        return np.array([mask.area(shape) for shape in shapes])
    return shapes[:, 2] * shapes[:, 3]


def _outside(area: np.ndarray) -> np.ndarray:
    """(A, N) whether an area (N,) lies outside each range."""
    low, high = np.array(PROTOCOL.areaRng, float).T[:, :, None]
    return (area < low) | (area > high)
