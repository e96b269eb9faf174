"""A detector's results beside the annotations, loaded and evaluated once."""

from functools import cached_property

import numpy as np
from hotcoco import COCO
from pycocotools.cocoeval import COCOeval

from eca_mm.coco_format import Results, Truth, as_results, as_truth

from .backends import GroundTruth, evaluate
from .matching import Matches, match_checked

IOU_TYPES = ('bbox', 'segm')


class Detections:
    """Results of one detector on one data set, ready for the figures of the report.

    Images and classes are numbered from 0 in the order of their ids, detections in the
    order of the results, objects (annotations that are no crowds) in the order of the
    annotations.

    Args:
        annotations: The content of a COCO annotation file; or a Truth; or another
            Detections, so that several detectors share one loaded data set.
        results: COCO results: dicts with image_id, category_id, score, and bbox
            (x, y, w, h in pixels) or segmentation (polygons or RLE). Not changed. Or
            Results of that Truth, which are not checked again.
        iou_type: 'bbox' or 'segm'.

    Raises:
        ValueError: Another iou_type; what `as_truth` and `as_results` reject.
    """

    def __init__(
        self,
        annotations: 'dict | Truth | Detections',
        results: list[dict] | Results,
        iou_type: str = 'bbox',
    ) -> None:
        if iou_type not in IOU_TYPES:
            raise ValueError(f'iou_type must be one of {IOU_TYPES}, not {iou_type!r}')
        self.iou_type = iou_type
        self.truth: Truth
        self.loaded: GroundTruth
        if isinstance(annotations, Detections):
            self.truth, self.loaded = annotations.truth, annotations.loaded
        else:
            if isinstance(annotations, dict):
                annotations = as_truth(annotations, masks=iou_type == 'segm')
            self.truth, self.loaded = annotations, load(annotations)
        if not isinstance(results, Results):
            results = as_results(results, self.truth, [iou_type])
        self.checked = results
        self.results = results.rows

    @property
    def ground_truth(self) -> COCO:
        """The data set as hotcoco keeps it."""
        return self.loaded.fast

    @cached_property
    def evaluated(self) -> COCOeval:
        """The evaluation that FastCocoMetric does, accumulated."""
        return evaluate(self.loaded, self.checked, self.iou_type)

    @cached_property
    def matches(self) -> Matches:
        """Which detection finds which object, for every threshold and size."""
        return match_checked(self.truth, self.checked, self.iou_type)

    @cached_property
    def category_ids(self) -> np.ndarray:
        """(K,) the category id of each class, ascending."""
        return np.array(sorted(self.truth.ids('categories')))

    @cached_property
    def class_names(self) -> list[str]:
        """The name of each class."""
        names = {row['id']: row['name'] for row in self.truth.content['categories']}
        return [names[key] for key in self.category_ids.tolist()]

    @cached_property
    def image_ids(self) -> np.ndarray:
        """(I,) every image of the annotations, also without objects, ascending."""
        return np.array(sorted(self.truth.ids('images')))

    @cached_property
    def objects(self) -> list[dict]:
        """The annotations that are to be found: all but crowds."""
        rows = self.truth.content['annotations']
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


def load(truth: Truth) -> GroundTruth:
    """The data set for an evaluation, with annotations of its own to change."""
    loaded = GroundTruth()
    rows = [dict(row) for row in truth.content['annotations']]
    loaded.take(truth.content | dict(annotations=rows))
    return loaded
