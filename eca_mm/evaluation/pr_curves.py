"""Precision-recall curves, and AP and AR by class and by size, as COCO defines them."""

from dataclasses import dataclass

import numpy as np

from .detections import Detections

# COCO's area ranges in pixels: below 32 x 32, up to 96 x 96, and above.
SIZES = ('all', 'small', 'medium', 'large')


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision at 101 recalls; T = 10 IoU thresholds, K classes.

    Attributes:
        iou_thresholds: (T,) .5 to .95.
        recall: (101,) 0 to 1.
        precision: (T, 101) mean over the classes that have objects.
        class_precision: (T, 101, K) NaN for a class without objects.
        class_score: (T, 101, K) score of the detection at which the recall is reached;
            0 where it is not, NaN for a class without objects.
    """

    iou_thresholds: np.ndarray
    recall: np.ndarray
    precision: np.ndarray
    class_precision: np.ndarray
    class_score: np.ndarray


@dataclass(frozen=True)
class ClassScores:
    """AP and AR, 0 to 1, by class and size; S = 4 sizes: all, small, medium, large.

    Attributes:
        class_names: The K classes.
        objects: (K, S) number of objects, without crowds.
        ap: (K, S) mean over IoU .5 to .95; NaN without objects, as all of these.
        ap50: (K, S) at IoU .5.
        ap75: (K, S) at IoU .75.
        ar: (K, S) recall with 100 detections an image, mean over IoU .5 to .95.
    """

    class_names: list[str]
    objects: np.ndarray
    ap: np.ndarray
    ap50: np.ndarray
    ap75: np.ndarray
    ar: np.ndarray

    def mean(self, name: str) -> np.ndarray:
        """(S,) mean of ap, ap50, ap75 or ar over the classes that have such objects."""
        return _mean(getattr(self, name), axis=0)


def precision_recall(detections: Detections) -> PrecisionRecall:
    """The curves whose mean heights are the AP, over all sizes."""
    evaluated = detections.evaluated
    precision, score = (
        _defined(evaluated.eval[key][:, :, :, 0, -1]) for key in ('precision', 'scores')
    )
    return PrecisionRecall(
        iou_thresholds=np.array(evaluated.params.iouThrs),
        recall=np.array(evaluated.params.recThrs),
        precision=_mean(precision, axis=2),
        class_precision=precision,
        class_score=score,
    )


def per_class(detections: Detections) -> ClassScores:
    """AP and AR of every class, over all sizes and each."""
    evaluated = detections.evaluated
    thresholds = np.array(evaluated.params.iouThrs)
    # (T, 101, K, S, limits) -> (T, K, S), at 100 detections an image
    ap = _defined(evaluated.eval['precision'][..., -1]).mean(1)
    recall = _defined(evaluated.eval['recall'][..., -1])
    return ClassScores(
        class_names=detections.class_names,
        objects=_objects(detections),
        ap=ap.mean(0),
        ap50=ap[np.isclose(thresholds, 0.5)][0],
        ap75=ap[np.isclose(thresholds, 0.75)][0],
        ar=recall.mean(0),
    )


def _objects(detections: Detections) -> np.ndarray:
    """(K, S) number of objects; one on the edge of two sizes is in both, as in COCO."""
    _, label = detections.places(detections.objects)
    area = np.array([row['area'] for row in detections.objects])
    ranges = detections.evaluated.params.areaRng
    return np.stack(
        [
            np.bincount(
                label[(low <= area) & (area <= high)],
                minlength=len(detections.class_names),
            )
            for low, high in ranges
        ],
        axis=1,
    )


def _defined(values: np.ndarray) -> np.ndarray:
    """COCO's -1, where there are no objects, as NaN."""
    return np.where(values < 0, np.nan, values)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean of what is not NaN; NaN where nothing is."""
    count = np.isfinite(values).sum(axis)
    total = np.nansum(values, axis)
    return np.where(count, total / np.maximum(count, 1), np.nan)
