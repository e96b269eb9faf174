"""Boxes as COCO writes them, from boxes with a last pixel.

Source: mmdet 1.0, ``core/evaluation/coco_utils.py``.
"""

import numpy as np
from mmdet.registry import METRICS

from eca_mm.evaluation import FastCocoMetric


@METRICS.register_module()
class V1CocoMetric(FastCocoMetric):
    """Counts the last pixel: a box is ``x2 - x1 + 1`` wide."""

    def xyxy2xywh(self, bbox: np.ndarray) -> list[float]:
        """(x, y, width, height) of a box from its first to its last pixel."""
        x1, y1, x2, y2 = bbox.tolist()
        return [x1, y1, x2 - x1 + 1, y2 - y1 + 1]
