"""MMDetection 1.x's arithmetic for models of 3.x, where a config cannot ask for it.

In 1.x a box names its first and its last pixel: it is ``x2 - x1 + 1`` wide. 3.x keeps
``LegacyAnchorGenerator`` of that, and NMS takes ``offset=1``; but its
``LegacyDeltaXYWHBBoxCoder`` leaves out the half pixels (its source says so), and its
RoIAlign, its COCO metric and its masks have no last pixel. Configs that evaluate 1.x
checkpoints import this module: ``custom_imports``, see projects/legacy_v1.

Source: mmdet 1.0, ``core/bbox/transforms.py``, ``ops/roi_align``,
``models/roi_extractors/single_level.py``, ``models/mask_heads/fcn_mask_head.py``,
``core/evaluation/coco_utils.py``.
"""

import mmcv
import numpy as np
import torch
from mmcv.ops import RoIAlign
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.models.task_modules.coders import LegacyDeltaXYWHBBoxCoder
from mmdet.registry import METRICS, MODELS, TASK_UTILS
from mmdet.structures.bbox import scale_boxes
from mmengine.structures import InstanceData
from torch import Tensor

from eca_mm.evaluation import FastCocoMetric


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


class V1RoIAlign(RoIAlign):
    """Pools from the first pixel's left edge to the last one's right edge.

    mmcv's ``aligned=False`` would do, but it widens what is narrower than a cell of the
    feature map. So the aligned one is given boxes that are half a cell further on.
    """

    def forward(self, input: Tensor, rois: Tensor) -> Tensor:
        """Features (N, C, h, w) of RoIs (N, 5): index in the batch, box."""
        half = 0.5 / self.spatial_scale
        return super().forward(
            input, rois + rois.new_tensor([0, half, half, 1 + half, 1 + half])
        )


@MODELS.register_module()
class V1RoIExtractor(SingleRoIExtractor):
    """Level and features of a RoI by its size with the last pixel.

    Args:
        roi_layer: ``output_size`` and ``sampling_ratio`` of the V1RoIAlign; ``type``
            and ``aligned`` are set here.
        kwargs: As SingleRoIExtractor's.
    """

    def __init__(self, roi_layer: dict, **kwargs) -> None:
        roi_layer = {**roi_layer, 'type': V1RoIAlign, 'aligned': True}
        super().__init__(roi_layer=roi_layer, **kwargs)

    def map_roi_levels(self, rois: Tensor, num_levels: int) -> Tensor:
        """Level (N,) of each RoI (N, 5)."""
        return super().map_roi_levels(
            rois + rois.new_tensor([0, 0, 0, 1, 1]), num_levels
        )


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


@MODELS.register_module()
class V1FCNMaskHead(FCNMaskHead):
    """Resizes a mask to its box in whole pixels, and pastes it there."""

    def _predict_by_feat_single(
        self,
        mask_preds: Tensor,
        bboxes: Tensor,
        labels: Tensor,
        img_meta: dict,
        rcnn_test_cfg: dict,
        rescale: bool = False,
        activate_map: bool = False,
    ) -> Tensor:
        """Masks (N, H, W), bool, from logits (N, classes or 1, h, w).

        Args:
            bboxes: (N, 4) at the network's size; as in the base class, rescaled in
                place, because they are the result's.
            activate_map: ``mask_preds`` are probabilities already.
        """
        shape = img_meta['ori_shape' if rescale else 'img_shape'][:2]
        if rescale:
            bboxes /= bboxes.new_tensor(img_meta['scale_factor']).repeat(2)
        if not self.class_agnostic:
            # (N, classes, h, w) -> (N, 1, h, w)
            mask_preds = mask_preds[range(len(labels)), labels][:, None]
        probabilities = mask_preds if activate_map else mask_preds.sigmoid()
        masks = np.zeros((len(bboxes), *shape), dtype=bool)
        boxes = bboxes.cpu().numpy().astype(int)
        for mask, probability, box in zip(
            masks, probabilities[:, 0].cpu().numpy(), boxes, strict=True
        ):
            x, y, width, height = *box[:2], *np.maximum(box[2:] - box[:2] + 1, 1)
            resized = mmcv.imresize(probability, (int(width), int(height)))
            mask[y : y + height, x : x + width] = (
                resized > rcnn_test_cfg['mask_thr_binary']
            )
        return torch.from_numpy(masks).to(bboxes.device)


@METRICS.register_module()
class V1CocoMetric(FastCocoMetric):
    """Counts the last pixel: a box is ``x2 - x1 + 1`` wide."""

    def xyxy2xywh(self, bbox: np.ndarray) -> list[float]:
        """(x, y, width, height) of a box from its first to its last pixel."""
        x1, y1, x2, y2 = bbox.tolist()
        return [x1, y1, x2 - x1 + 1, y2 - y1 + 1]
