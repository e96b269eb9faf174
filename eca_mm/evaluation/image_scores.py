"""How well each image came out, to find the worst and the best."""

from dataclasses import dataclass

import numpy as np

from .detections import Detections
from .outcomes import outcomes


@dataclass(frozen=True)
class ImageScores:
    """Right and wrong in each of I images, at one IoU and one score threshold.

    Attributes:
        image_ids: (I,) ascending.
        correct: (I,) detections that found an object.
        wrong: (I,) detections that found none; those on a crowd do not count.
        missed: (I,) objects that no detection found.
        f1: (I,) 2 correct / (2 correct + wrong + missed); 1 where there is nothing to
            find and nothing was found.
    """

    image_ids: np.ndarray
    correct: np.ndarray
    wrong: np.ndarray
    missed: np.ndarray
    f1: np.ndarray

    def worst(self, count: int) -> np.ndarray:
        """Ids of the images of lowest F1; of equals, those with more errors first."""
        order = np.lexsort((-self.wrong - self.missed, self.f1))
        return self.image_ids[order[:count]]

    def best(self, count: int) -> np.ndarray:
        """Ids of the images of highest F1; of equals, those with more objects first."""
        order = np.lexsort((-self.correct, -self.f1))
        return self.image_ids[order[:count]]


def image_scores(
    detections: Detections, iou_threshold: float = 0.5, score_threshold: float = 0.3
) -> ImageScores:
    """Count with COCO's matching the detections that score at least score_threshold.

    hotcoco's own F1 takes in detections of every score, so that a hundred of score
    0.01 hide everything else.

    Raises:
        ValueError: iou_threshold is none of COCO's.
    """
    state = outcomes(detections, iou_threshold)
    # Matching goes by falling score: the threshold does not change what is above it.
    shown = detections.scores >= score_threshold
    object_image, _ = detections.places(detections.objects)
    images = len(detections.image_ids)
    correct, wrong, objects = (
        np.bincount(rows, minlength=images)
        for rows in (
            state.image[shown & state.correct],
            state.image[shown & state.wrong],
            object_image,
        )
    )
    both = correct + wrong + objects
    f1 = np.where(both, 2 * correct / np.maximum(both, 1), 1.0)
    return ImageScores(detections.image_ids, correct, wrong, objects - correct, f1)
