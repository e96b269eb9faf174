"""Mirror images of boxes with a last pixel.

Source: mmdet 1.0, ``datasets/pipelines/transforms.py``, ``core/bbox/transforms.py``.
"""

import numpy as np
from mmdet.datasets.transforms import RandomFlip
from mmdet.models.test_time_augs import DetTTAModel
from mmdet.registry import MODELS, TRANSFORMS
from mmdet.structures.bbox import autocast_box_type
from torch import Tensor

# By how much pixels are nearer to the origin than the edges that 3.x mirrors
SHIFTS = dict(horizontal=(-1, 0), vertical=(0, -1), diagonal=(-1, -1))


@TRANSFORMS.register_module()
class V1RandomFlip(RandomFlip):
    """Takes pixel ``x`` of an image of width ``w`` to ``w - 1 - x``."""

    @autocast_box_type()
    def _flip(self, results: dict) -> None:
        super()._flip(results)
        shift = SHIFTS[results['flip_direction']]
        if results.get('gt_bboxes') is not None:
            results['gt_bboxes'].translate_(shift)
        matrix = np.eye(3, dtype=np.float32)
        matrix[:2, 2] = shift
        results['homography_matrix'] = matrix @ results['homography_matrix']


@MODELS.register_module()
class V1DetTTAModel(DetTTAModel):
    """Mirrors the boxes of a mirror image back by the same rule.

    This is 3.x's way of merging: the detections of all views, and then NMS. In 1.x the
    views shared their proposals, and boxes and scores were averaged.
    """

    def merge_aug_bboxes(
        self, aug_bboxes: list[Tensor], aug_scores: list[Tensor], img_metas: list[dict]
    ) -> tuple[Tensor, Tensor]:
        """Boxes (n, 4) in the original image, and their scores (n,), of all views."""
        metas = [
            {**meta, 'ori_shape': tuple(size - 1 for size in meta['ori_shape'][:2])}
            for meta in img_metas
        ]
        return super().merge_aug_bboxes(aug_bboxes, aug_scores, metas)
