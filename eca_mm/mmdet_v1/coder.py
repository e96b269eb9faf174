"""Boxes from their first to their last pixel, coded and decoded.

Source: mmdet 1.0, ``core/bbox/transforms.py``.
"""

from mmdet.models.task_modules.coders import LegacyDeltaXYWHBBoxCoder
from mmdet.registry import TASK_UTILS
from torch import Tensor


@TASK_UTILS.register_module()
class V1DeltaXYWHBBoxCoder(LegacyDeltaXYWHBBoxCoder):
    """Boxes from their first to their last pixel, inside the image."""

    def decode(
        self,
        bboxes: Tensor,
        pred_bboxes: Tensor,
        max_shape: tuple[int, ...] | None = None,
        wh_ratio_clip: float = 16 / 1000,
    ) -> Tensor:
        """Boxes (N, 4) from source boxes (N, 4) and deltas (N, 4).

        Args:
            max_shape: (height, width) of the image.
        """
        boxes = super().decode(bboxes, pred_bboxes, wh_ratio_clip=wh_ratio_clip)
        boxes = boxes + boxes.new_tensor([0.5, 0.5, -0.5, -0.5])
        if max_shape is not None:
            height, width = max_shape[:2]
            last = boxes.new_tensor([width, height, width, height]) - 1
            boxes = boxes.clamp(min=0).minimum(last)
        return boxes
