"""Made-up data sets with all that is awkward, and what pycocotools says of them."""

import contextlib
import io
import json
from collections.abc import Sequence

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from eca_mm.simulation.coco_sets import make_detections

IMAGES, CLASSES = 40, 7


def data_set(seed: int, masks: bool = False) -> tuple[dict, list[dict]]:
    """Crowds, images without objects, and scores in steps, so that many are equal.

    Of the first three classes one has no objects, one no detections, and one crowds
    only. One object has a size that is in no area range.
    """
    coco, results = make_detections(
        IMAGES, CLASSES, seed, masks, background_per_image=20
    )
    absent, silent, crowded = (row['id'] for row in coco['categories'][:3])
    coco['annotations'] = [
        dict(row, iscrowd=int(row['iscrowd'] or row['category_id'] == crowded))
        for row in coco['annotations']
        if row['category_id'] != absent
    ]
    coco['annotations'][0]['area'] = 1e11
    results = [
        dict(row, score=round(row['score'] * 8) / 8)
        for row in results
        if row['category_id'] != silent
    ]
    return coco, results


def copies(
    coco: dict, results: list[dict], weights: Sequence[int]
) -> tuple[dict, list[dict]]:
    """The same with ``weights[i]`` copies of image i side by side, i by rising id."""
    new: dict[int, list[int]] = {}
    last = 0
    for image, weight in zip(
        sorted(row['id'] for row in coco['images']), weights, strict=True
    ):
        new[image] = list(range(last + 1, last + weight + 1))
        last += weight

    def repeated(rows: list[dict], key: str) -> list[dict]:
        return [dict(row, **{key: i}) for row in rows for i in new[row[key]]]

    annotations = repeated(coco['annotations'], 'image_id')
    coco = dict(
        coco,
        images=repeated(coco['images'], 'id'),
        annotations=[dict(row, id=i + 1) for i, row in enumerate(annotations)],
    )
    return coco, repeated(results, 'image_id')


def evaluate(coco: dict, results: list[dict], iou_type: str = 'bbox') -> COCOeval:
    """pycocotools' own evaluation, with its figures."""
    coco, results = json.loads(json.dumps([coco, results]))  # it changes what it gets
    if iou_type == 'segm':
        for row in results:
            row.pop('bbox')
    truth = COCO()
    truth.dataset = coco
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluator = COCOeval(truth, truth.loadRes(results), iou_type)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator
