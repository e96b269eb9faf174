"""Which detections are right and which are wrong at one IoU threshold."""

from dataclasses import dataclass

import numpy as np
from hotcoco import COCO, COCOeval

from .detections import Detections


@dataclass(frozen=True)
class Outcomes:
    """What COCO's matching makes of D detections.

    Attributes:
        image: (D,) index of the detection's image.
        label: (D,) index of its class.
        correct: (D,) bool, it found an object.
        wrong: (D,) bool, it found none. Where neither is true COCO leaves the
            detection out: it lies on a crowd, or is not among the best 100 of its
            class and image.
    """

    image: np.ndarray
    label: np.ndarray
    correct: np.ndarray
    wrong: np.ndarray

    @property
    def counted(self) -> np.ndarray:
        """(D,) bool, correct or wrong."""
        return self.correct | self.wrong


def outcomes(detections: Detections, iou_threshold: float = 0.5) -> Outcomes:
    """Read the matching off the COCO evaluation.

    Raises:
        ValueError: The threshold is none of COCO's ten, .5 to .95.
    """
    evaluated = detections.evaluated
    if not np.isclose(evaluated.params.iou_thrs, iou_threshold).any():
        raise ValueError(
            f'iou_threshold must be one of 0.5, 0.55 ... 0.95, not {iou_threshold}'
        )
    status = evaluated.image_diagnostics(iou_threshold)['dt_status']
    # hotcoco numbers the results from 1.
    kinds = np.array([status.get(i + 1) for i in range(len(detections.results))])
    return Outcomes(
        *detections.places(detections.results), kinds == 'tp', kinds == 'fp'
    )


def without_crowds(detections: Detections, iou_threshold: float) -> COCOeval:
    """A new evaluation of the objects and the detections that count, not yet run.

    hotcoco 1.3.0 calls detections near a crowd badly placed in `tide_errors`, and
    those on one wrong in `confusion_matrix`. Without crowds both are as defined.
    """
    content = detections.ground_truth.dataset
    truth = COCO(dict(content, annotations=detections.objects))
    counted = outcomes(detections, iou_threshold).counted
    results = [detections.results[i] for i in np.flatnonzero(counted)]
    return COCOeval(truth, truth.loadRes(results), detections.iou_type)
