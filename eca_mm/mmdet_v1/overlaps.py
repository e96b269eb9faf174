"""Overlaps of boxes that include their last pixel.

Source: mmdet 1.0, ``core/bbox/geometry.py``.
"""

from mmdet.models.task_modules.assigners import BboxOverlaps2D
from mmdet.registry import TASK_UTILS
from mmdet.structures.bbox import get_box_tensor
from torch import Tensor


@TASK_UTILS.register_module()
class V1BboxOverlaps2D(BboxOverlaps2D):
    """Today's overlaps, of boxes up to the last pixel's far edge.

    mmdet's ``BboxOverlaps2D_GLIP`` adds the pixel too, but ignores ``mode``.
    """

    def __call__(
        self,
        bboxes1: Tensor,
        bboxes2: Tensor,
        mode: str = 'iou',
        is_aligned: bool = False,
    ) -> Tensor:
        """Overlaps (M, N), or (M,) of ``is_aligned`` pairs, of boxes (M, 4), (N, 4).

        Args:
            mode: ``'iou'``, ``'iof'`` (over the area of ``bboxes1``) or ``'giou'``.
        """
        return super().__call__(edges(bboxes1), edges(bboxes2), mode, is_aligned)


def edges(boxes: Tensor) -> Tensor:
    """Boxes (N, 4) with x2, y2 at the far edge of their last pixel; scores go."""
    boxes = get_box_tensor(boxes)[..., :4]
    return boxes + boxes.new_tensor([0, 0, 1, 1])
