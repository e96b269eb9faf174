"""Which detections are right and which are wrong at one IoU threshold."""

from dataclasses import dataclass

import numpy as np
from hotcoco import COCO, COCOeval

from .backends import readable
from .detections import Detections
from .objects import PROTOCOL


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
    """Read the matching off.

    Raises:
        ValueError: The threshold is none of COCO's ten, .5 to .95.
    """
    (place,) = np.nonzero(np.isclose(PROTOCOL.iouThrs, iou_threshold))
    if not len(place):
        raise ValueError(
            f'iou_threshold must be one of 0.5, 0.55 ... 0.95, not {iou_threshold}'
        )
    found = detections.matches
    counted = ~found.ignored[0, place[0]]  # of all sizes
    correct, wrong = np.zeros((2, len(detections.results)), bool)
    correct[found.index] = counted & found.matched[0, place[0]]
    wrong[found.index] = counted & ~found.matched[0, place[0]]
    return Outcomes(*detections.places(detections.results), correct, wrong)


def without_crowds(detections: Detections, iou_threshold: float) -> COCOeval:
    """A new evaluation of the objects and the detections that count, not yet run.

    hotcoco 1.3.0 calls detections near a crowd badly placed in `tide_errors`, and
    those on one wrong in `confusion_matrix`. Without crowds both are as defined.
    """
    content = dict(detections.truth.content, annotations=detections.objects)
    truth = COCO(readable(content))
    counted = outcomes(detections, iou_threshold).counted
    results = [detections.results[i] for i in np.flatnonzero(counted)]
    return COCOeval(truth, truth.loadRes(results), detections.iou_type)
