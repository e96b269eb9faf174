"""NMS of each class by itself, for a batch, as mmcv's ``batched_nms``."""

import torch
from torch import Tensor

from eca_mm.errors import RequestError

from .operators import REJECTED, nms


def suppress(
    boxes: Tensor,
    scores: Tensor,
    groups: Tensor,
    valid: Tensor,
    cfg: dict,
    most: int,
) -> tuple[Tensor, Tensor]:
    """The image (K,) and the index (K,) of what is kept, of each image the best first.

    Boxes of different groups are moved apart, as mmcv does it: rounding is then the
    same, too.

    Args:
        boxes: (N, n, 4) as x1, y1, x2, y2, none negative.
        scores: (N, n).
        groups: (n,) or (N, n) int64, of which each is suppressed by itself.
        valid: (N, n) bool, what may be kept.
        cfg: ``iou_threshold``, and ``offset`` if a box ends with its last pixel.
        most: How many of an image are kept.
    """
    highest = torch.where(valid[..., None], boxes, 0.0).amax((1, 2))
    moved = groups * (highest[:, None] + 1)
    apart = boxes + moved[..., None]
    offset = cfg.get('offset', 0)
    if offset:  # from a box's first to the end of its last pixel
        apart = apart + apart.new_tensor([0.0, 0.0, offset, offset])
    scores = torch.where(valid, scores, REJECTED)
    kept = nms(apart, scores, float(cfg['iou_threshold']), most)
    return kept[:, 0], kept[:, 1]


def check_settings(test_cfg: dict, head: str) -> None:
    """Raise RequestError unless a head's boxes are chosen as :func:`suppress` does.

    Without a ``max_per_img`` tensors would have no known size, and mmdet's heads take
    one that is negative for different things.
    """
    most = test_cfg.get('max_per_img')
    if not isinstance(most, int) or most < 1:
        raise RequestError(
            f'max_per_img={most} of {head} is not exported: give a number from 1'
        )
    cfg = test_cfg.nms
    known = {'type', 'iou_threshold', 'offset'}
    if cfg.get('type', 'nms') != 'nms' or not set(cfg) <= known:
        raise RequestError(
            f'nms={dict(cfg)} is not exported: give type, iou_threshold and offset'
        )
