"""Does a score of 0.8 mean right in 80 of 100 cases?"""

from dataclasses import dataclass

import numpy as np
from hotcoco.metrics import calibration_curve, calibration_error

from .detections import Detections
from .outcomes import outcomes


@dataclass(frozen=True)
class Calibration:
    """Reliability of the scores in B equally wide bins of the score.

    Attributes:
        edges: (B + 1,) of the bins; a score on an edge belongs to the bin above it.
        count: (B,) detections in each bin.
        score: (B,) their mean score, NaN without detections.
        precision: (B,) share of them that found an object, NaN without detections.
        error: Expected calibration error: the mean of |precision - score| over the
            bins, weighted by their counts.
        class_error: (K,) the same for each class, NaN without detections.
    """

    edges: np.ndarray
    count: np.ndarray
    score: np.ndarray
    precision: np.ndarray
    error: float
    class_error: np.ndarray


def calibration(
    detections: Detections, iou_threshold: float = 0.5, bins: int = 10
) -> Calibration:
    """Compare the scores with how often they are right at an IoU threshold.

    Raises:
        ValueError: A score lies outside 0 to 1, iou_threshold is none of COCO's, or
            bins is below 1.
    """
    scores = detections.scores
    if bins < 1:
        raise ValueError(f'bins must be at least 1, not {bins}')
    if len(scores) and (scores.min() < 0 or scores.max() > 1):
        raise ValueError(
            f'scores must lie between 0 and 1, not {scores.min()} to {scores.max()}'
        )
    state = outcomes(detections, iou_threshold)
    rows = calibration_curve(scores[state.counted], state.correct[state.counted], bins)
    count = np.array([row['count'] for row in rows])
    score, precision = (
        np.where(count, [row[key] for row in rows], np.nan)
        for key in ('avg_confidence', 'avg_accuracy')
    )
    return Calibration(
        edges=np.linspace(0, 1, bins + 1),
        count=count,
        score=score,
        precision=precision,
        error=_error(state, scores, state.counted, bins),
        class_error=np.array(
            [
                _error(state, scores, state.counted & (state.label == k), bins)
                for k in range(len(detections.class_names))
            ]
        ),
    )


def _error(state, scores, rows, bins: int) -> float:
    if not rows.any():
        return np.nan
    return calibration_error(scores[rows], state.correct[rows], bins)[0]
