"""RetinaNet's candidates: anchors with all their classes.

Source: mmdet 1.0, ``models/anchor_heads/anchor_head.py``.
"""

import copy

import torch
from mmdet.models.dense_heads import RetinaHead
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor


@MODELS.register_module()
class V1RetinaHead(RetinaHead):
    """Takes the best ``nms_pre`` anchors of a level, each with all its classes.

    3.x takes as many pairs of anchor and class, so that anchors drop out where others
    score in several classes. It is given the scores of the best anchors alone, and room
    for all their pairs.
    """

    def _predict_by_feat_single(
        self,
        *,
        cls_score_list: list[Tensor],
        cfg: ConfigDict | None = None,
        **kwargs,
    ) -> InstanceData:
        """Detections of an image; arguments are RetinaHead's.

        Args:
            cls_score_list: Logits (anchors * classes, H, W) of each level.
        """
        cfg = copy.deepcopy(self.test_cfg if cfg is None else cfg)
        limit = cfg.get('nms_pre', -1)
        if limit > 0:
            cls_score_list = [
                best_anchors(logits, limit, self.cls_out_channels)
                for logits in cls_score_list
            ]
        cfg.nms_pre = max(logits.numel() for logits in cls_score_list)
        return super()._predict_by_feat_single(
            cls_score_list=cls_score_list, cfg=cfg, **kwargs
        )


def best_anchors(logits: Tensor, limit: int, classes: int) -> Tensor:
    """Logits (anchors * classes, H, W), -inf but at the ``limit`` best anchors.

    An anchor is as good as its best class.
    """
    # (A * C, H, W) -> (H * W * A, C)
    by_anchor = logits.permute(1, 2, 0).reshape(-1, classes)
    if len(by_anchor) <= limit:
        return logits
    best = by_anchor.amax(1).topk(limit).indices
    kept = torch.full_like(by_anchor, -torch.inf)
    kept[best] = by_anchor[best]
    # (H * W * A, C) -> (A * C, H, W)
    return kept.view(*logits.shape[1:], -1).permute(2, 0, 1)
