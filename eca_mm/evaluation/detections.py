"""A detector's results beside the annotations, loaded and evaluated once."""

import math
from functools import cached_property

import numpy as np
from hotcoco import COCO, COCOeval

IOU_TYPES = ('bbox', 'segm')


class Detections:
    """Results of one detector on one data set, ready for the figures of the report.

    Images and classes are numbered from 0 in the order of their ids, detections in the
    order of the results, objects (annotations that are no crowds) in the order of the
    annotations.

    Args:
        annotations: The content of a COCO annotation file, or the `ground_truth` of
            another Detections, so that several detectors share one loaded data set.
        results: COCO results: dicts with image_id, category_id, score, and bbox
            (x, y, w, h in pixels) or segmentation (polygons or RLE). Not changed.
        iou_type: 'bbox' or 'segm'.

    Raises:
        ValueError: Another iou_type; annotations without images, categories or
            objects; an object without area; results that are empty, have a score that
            is no finite number, lack a key, or name images or categories that the
            annotations lack.
    """

    def __init__(
        self, annotations: dict | COCO, results: list[dict], iou_type: str = 'bbox'
    ) -> None:
        if iou_type not in IOU_TYPES:
            raise ValueError(f'iou_type must be one of {IOU_TYPES}, not {iou_type!r}')
        self.iou_type = iou_type
        self.ground_truth = load_annotations(annotations)
        check_objects(self.objects)
        check_results(results, self.ground_truth, iou_type)
        if iou_type == 'segm':
            # As mmdet's CocoMetric: a mask's size is its own area, not its box's.
            results = [{k: r[k] for k in r if k != 'bbox'} for r in results]
        self.results = results
        self.predictions = self.ground_truth.loadRes(results)

    @cached_property
    def evaluated(self) -> COCOeval:
        """COCO's evaluation (IoU .5 to .95, 100 detections an image), accumulated."""
        evaluation = COCOeval(self.ground_truth, self.predictions, self.iou_type)
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation

    @cached_property
    def category_ids(self) -> np.ndarray:
        """(K,) the category id of each class, ascending."""
        return np.array(sorted(self.ground_truth.getCatIds()))

    @cached_property
    def class_names(self) -> list[str]:
        """The name of each class."""
        categories = self.ground_truth.loadCats(self.category_ids.tolist())
        return [category['name'] for category in categories]

    @cached_property
    def image_ids(self) -> np.ndarray:
        """(I,) every image of the annotations, also without objects, ascending."""
        return np.array(sorted(self.ground_truth.getImgIds()))

    @cached_property
    def objects(self) -> list[dict]:
        """The annotations that are to be found: all but crowds."""
        rows = self.ground_truth.dataset['annotations']
        return [row for row in rows if not row['iscrowd']]

    @cached_property
    def scores(self) -> np.ndarray:
        """(D,) score of each detection."""
        return np.array([row['score'] for row in self.results], float)

    def places(self, rows: list[dict]) -> tuple[np.ndarray, np.ndarray]:
        """Index of the image and of the class of each of the results or objects."""
        image = np.searchsorted(self.image_ids, [row['image_id'] for row in rows])
        label = np.searchsorted(self.category_ids, [row['category_id'] for row in rows])
        return image, label


def load_annotations(annotations: dict | COCO) -> COCO:
    """Index annotations; they must have images, annotations and categories."""
    if isinstance(annotations, COCO):
        return annotations
    for key in ('images', 'annotations', 'categories'):
        if key not in annotations:
            raise ValueError(f'no {key!r} in the annotations')
    return COCO(annotations)


def check_objects(objects: list[dict]) -> None:
    """Raise ValueError where there is nothing to find, or where sizes are not known."""
    if not objects:
        raise ValueError('the annotations have no objects')
    for row in objects:
        if 'area' not in row:
            raise ValueError(f'annotation {row["id"]} has no area')


def check_results(results: list[dict], ground_truth: COCO, iou_type: str) -> None:
    """Raise ValueError where COCO's evaluation would skip a result without a word."""
    if not results:
        raise ValueError('the results are empty')
    known = dict(
        image_id=set(ground_truth.getImgIds()),
        category_id=set(ground_truth.getCatIds()),
    )
    shape = 'segmentation' if iou_type == 'segm' else 'bbox'
    for i, result in enumerate(results):
        for key in ('image_id', 'category_id', 'score', shape):
            if key not in result:
                raise ValueError(f'result {i} has no {key}')
        for key, ids in known.items():
            if result[key] not in ids:
                raise ValueError(
                    f'result {i} has {key} {result[key]}, which the annotations lack'
                )
        if not math.isfinite(result['score']):
            raise ValueError(f'result {i} has score {result["score"]}')
