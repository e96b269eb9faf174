"""Which class is taken for which."""

from dataclasses import dataclass

import numpy as np

from .detections import Detections
from .outcomes import without_crowds


@dataclass(frozen=True)
class Confusion:
    """Counts of objects by their class and the class they were detected as.

    Attributes:
        matrix: (K + 1, K + 1) int; row: class of the object, column: class of the
            detection. The last row is background (a detection without an object), the
            last column is missed (an object without a detection).
        class_names: The K classes.
    """

    matrix: np.ndarray
    class_names: list[str]


def confusion(
    detections: Detections, iou_threshold: float = 0.5, score_threshold: float = 0.3
) -> Confusion:
    """Match detections to objects whatever their class, and count the pairs.

    The detections of an image take turns by falling score; each takes the free object
    that it overlaps most, at least by iou_threshold. Detections below score_threshold
    are left out, and so are those on a crowd of their class, as in COCO.

    Raises:
        ValueError: iou_threshold is none of COCO's.
    """
    counts = without_crowds(detections, iou_threshold).confusion_matrix(
        iou_threshold, max_det=len(detections.results), min_score=score_threshold
    )
    return Confusion(counts['matrix'].astype(int), detections.class_names)
