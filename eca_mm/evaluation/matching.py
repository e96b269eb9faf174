"""Which detection finds which object, worked out once a model, as COCOeval does it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pycocotools import mask

from eca_mm.coco_format import (
    Results,
    Truth,
    as_results,
    as_truth,
    read_results,
    read_truth,
)

from .compiled import compiled
from .objects import PROTOCOL, Regions, read_regions, sizes_of


@dataclass(frozen=True)
class Matches:
    """The detections of one model and what each of them is worth.

    K classes, A = 4 area ranges, T = 10 IoU thresholds, I images, D detections. Images
    and classes stand in the order of their ids. Detections are sorted by class, then by
    falling score; equal scores by image, as in COCOeval. Of each class and image the
    best 100 are there.

    Attributes:
        category_ids: (K,) ids of the classes.
        image_ids: (I,) ids of the images.
        starts: (K + 1,) class k's detections are starts[k] to starts[k + 1].
        image: (D,) index of the image.
        score: (D,) as in the results.
        rank: (D,) place among the detections of the same class and image, from 0.
        matched: (A, T, D) bool, found an object.
        ignored: (A, T, D) bool, counts neither as right nor as wrong.
        objects: (K, A, I) number of objects that ought to be found.
        index: (D,) place in the results.
    """

    category_ids: np.ndarray
    image_ids: np.ndarray
    starts: np.ndarray
    image: np.ndarray
    score: np.ndarray
    rank: np.ndarray
    matched: np.ndarray
    ignored: np.ndarray
    objects: np.ndarray
    index: np.ndarray


def match(
    annotations: dict | str | Path,
    results: list[dict] | str | Path,
    iou_type: str = 'bbox',
) -> Matches:
    """Match detections to objects.

    As COCOeval, but for a mask's size, which is always its own area and never its box's
    (as in mmdet). A detection that meets an object of annotation id 0 has found none.

    Args:
        annotations: COCO annotations or their JSON file.
        results: COCO results or their JSON file. Classes that the annotations lack are
            left out, as in COCOeval.
        iou_type: 'bbox' or 'segm'.

    Raises:
        ValueError: Another ``iou_type``; what `as_truth` and `as_results` refuse.
    """
    if iou_type not in ('bbox', 'segm'):
        raise ValueError(f"iou_type must be 'bbox' or 'segm', got {iou_type!r}")
    masks = iou_type == 'segm'
    if isinstance(annotations, dict):
        truth = as_truth(annotations, masks=masks)
    else:
        truth = read_truth(Path(annotations), masks=masks)
    rows = results if isinstance(results, list) else read_results(Path(results))
    return match_checked(truth, as_results(rows, truth, [iou_type], False), iou_type)


def match_checked(truth: Truth, results: Results, iou_type: str) -> Matches:
    """Match detections that were checked; see `match`."""
    content = truth.content
    classes, images = _ids(content['categories']), _ids(content['images'])
    sizes = sizes_of(content['images']) if iou_type == 'segm' else None
    objects = read_regions(content['annotations'], classes, images, sizes)
    found = read_regions(results.rows, classes, images, sizes, detected=True)
    matched, ignored = _assign(found, objects)
    label, image = np.divmod(found.pair, len(images))
    order = np.lexsort((-found.score, label))
    return Matches(
        category_ids=classes,
        image_ids=images,
        starts=np.searchsorted(label, np.arange(len(classes) + 1)),
        image=image[order].astype(np.int32),
        score=found.score[order],
        rank=found.rank[order].astype(np.int32),
        matched=matched[:, :, order],
        ignored=ignored[:, :, order],
        objects=_count(objects, len(classes), len(images)),
        index=found.index[order],
    )


def _ids(rows: list[dict]) -> np.ndarray:
    return np.unique([row['id'] for row in rows])


def _count(objects: Regions, n_classes: int, n_images: int) -> np.ndarray:
    """(K, A, I) objects that ought to be found."""
    n = n_classes * n_images
    counts = [np.bincount(objects.pair[~o], minlength=n) for o in objects.left_out]
    # (A, K * I) -> (K, A, I)
    return np.stack(counts).reshape(-1, n_classes, n_images).swapaxes(0, 1)


def _assign(found: Regions, objects: Regions) -> tuple[np.ndarray, np.ndarray]:
    """``matched`` and ``ignored`` (A, T, D), D in the order of ``found``."""
    shape = len(PROTOCOL.areaRng), len(PROTOCOL.iouThrs), len(found.pair)
    matched = np.zeros(shape, bool)
    # A detection outside the range is ignored unless it finds an object.
    ignored = np.repeat(found.outside[:, None], shape[1], axis=1)
    pairs = np.intersect1d(found.pair, objects.pair)
    # (P, 4) first and last + 1 of each pair's detections, then of its objects
    sides = [
        np.searchsorted(regions.pair, pairs, side)
        for regions in (found, objects)
        for side in ('left', 'right')
    ]
    spans = np.stack(sides, axis=1)
    ious = [np.zeros(0)]
    for a, b, c, d in spans:
        iou = mask.iou(found.shapes[a:b], objects.shapes[c:d], objects.crowd[c:d])
        ious.append(iou.ravel())
    thresholds = np.minimum(PROTOCOL.iouThrs, 1 - 1e-10)  # as COCOeval
    taken = objects.crowd, objects.left_out, objects.lost
    _greedy(np.concatenate(ious), spans, thresholds, *taken, matched, ignored)
    return matched, ignored


@compiled()
def _greedy(ious, spans, thresholds, crowd, left_out, lost, matched, ignored):
    """Give each pair's detections their objects, the best detection first.

    ``ious`` holds the (D, G) overlaps of one pair after the other. An object that is
    ``lost`` is taken by a detection, which has found nothing all the same.
    """
    offset = 0
    for a, b, c, d in spans:
        iou = ious[offset : offset + (b - a) * (d - c)].reshape(b - a, d - c)
        offset += iou.size
        for area in range(len(left_out)):
            out = left_out[area, c:d]
            for t, threshold in enumerate(thresholds):
                free = np.ones(d - c, np.bool_)
                for i in range(b - a):
                    best = _best(iou[i], threshold, free | crowd[c:d], out)
                    if best >= 0:
                        free[best] = False
                        matched[area, t, a + i] = not lost[c + best]
                        ignored[area, t, a + i] = out[best] or (
                            lost[c + best] and ignored[area, t, a + i]
                        )


@compiled()
def _best(iou, threshold, free, out):
    """Index of the free object with the highest overlap, -1 if none reaches the least.

    Objects that count go before those that are left out; the last among equals wins. An
    overlap of NaN is as good as any, as in COCOeval.
    """
    for group in (False, True):
        best, least = -1, threshold
        for g in range(len(iou)):
            if out[g] == group and free[g] and not iou[g] < least:
                best, least = g, iou[g]
        if best >= 0:
            return best
    return -1
