"""NMS of the detections at the scale at which 1.x took it.

Source: mmdet 1.0, ``models/detectors/test_mixins.py``.
"""

from mmdet.models.roi_heads import StandardRoIHead
from mmdet.registry import MODELS
from mmdet.structures.bbox import scale_boxes
from mmengine.structures import InstanceData
from torch import Tensor


@MODELS.register_module()
class V1RoIHead(StandardRoIHead):
    """NMS at the size of the original image also where masks follow.

    The added pixel makes overlaps depend on the size at which they are taken. 3.x
    rescales boxes after NMS if there is a mask head, and else before it, as 1.x did.
    """

    def predict_bbox(
        self,
        x: tuple[Tensor, ...],
        batch_img_metas: list[dict],
        rpn_results_list: list[InstanceData],
        rcnn_test_cfg: dict,
        rescale: bool = False,
    ) -> list[InstanceData]:
        """Detections of each image, at the network's size unless ``rescale``."""
        results = super().predict_bbox(
            x, batch_img_metas, rpn_results_list, rcnn_test_cfg, rescale=True
        )
        if not rescale:
            for result, meta in zip(results, batch_img_metas, strict=True):
                result.bboxes = scale_boxes(result.bboxes, meta['scale_factor'])
        return results
