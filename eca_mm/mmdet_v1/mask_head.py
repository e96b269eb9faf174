"""Masks in whole pixels.

Source: mmdet 1.0, ``models/mask_heads/fcn_mask_head.py``.
"""

import mmcv
import numpy as np
import torch
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.registry import MODELS
from torch import Tensor


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
