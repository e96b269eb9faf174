"""Masks in whole pixels.

Source: mmdet 1.0, ``models/mask_heads/fcn_mask_head.py``.
"""

from collections.abc import Sequence

import mmcv
import numpy as np
import torch
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.registry import MODELS
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn.modules.utils import _pair

from .mask_target import mask_targets


@MODELS.register_module()
class V1FCNMaskHead(FCNMaskHead):
    """Resizes a mask to its box in whole pixels, in training and in testing."""

    def get_targets(
        self,
        sampling_results: Sequence[SamplingResult],
        batch_gt_instances: Sequence[InstanceData],
        rcnn_train_cfg: dict,
    ) -> Tensor:
        """Targets (n, h, w) of the positive boxes of all images.

        Raises:
            ValueError: ``soft_mask_target`` is asked for: 1.x's targets are 0 or 1.
        """
        if rcnn_train_cfg.get('soft_mask_target'):
            raise ValueError('V1FCNMaskHead has no soft_mask_target')
        return mask_targets(
            [result.pos_priors for result in sampling_results],
            [result.pos_assigned_gt_inds for result in sampling_results],
            [instances.masks for instances in batch_gt_instances],
            _pair(rcnn_train_cfg['mask_size']),
        )

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
        probabilities = probabilities.float()  # OpenCV resizes no halves
        masks = np.zeros((len(bboxes), *shape), dtype=bool)
        boxes = bboxes.cpu().numpy().astype(int)
        for mask, probability, box in zip(
            masks, probabilities[:, 0].cpu().numpy(), boxes, strict=True
        ):
            x, y = box[:2]
            width, height = np.maximum(box[2:] - box[:2] + 1, 1)
            resized = mmcv.imresize(probability, (int(width), int(height)))
            mask[y : y + height, x : x + width] = (
                resized > rcnn_test_cfg['mask_thr_binary']
            )
        return torch.from_numpy(masks).to(bboxes.device)
