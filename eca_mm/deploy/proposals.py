"""Boxes that may hold an object: the RPN of two-stage detectors."""

import torch
from mmdet.models.dense_heads import RPNHead
from torch import Tensor, nn

from eca_mm.errors import RequestError

from .box_coding import Anchors, Decode, of_all_levels
from .sizes import best, by_anchor
from .suppression import check_settings, suppress


def most_of(cfg: dict) -> int:
    """``nms_pre``, the number of boxes of a level that are looked at."""
    most = cfg.get('nms_pre', -1)
    return most if most > 0 else 2**31


def rows_of(table: Tensor, index: Tensor) -> Tensor:
    """Rows (N, k, C) of (N or 1, n, C) by (N, k)."""
    table = table.expand(index.shape[0], -1, -1)
    return table.gather(1, index[..., None].expand(-1, -1, table.shape[-1]))


def large_enough(boxes: Tensor, least: float) -> Tensor:
    """(N, n) bool, whether both sides are longer than ``min_bbox_size``."""
    sides = boxes[..., 2:] - boxes[..., :2]
    if least < 0:
        return torch.ones_like(sides[..., 0], dtype=torch.bool)
    return (sides > least).all(-1)


class Proposals(nn.Module):
    """The best boxes of an RPN.

    Raises:
        RequestError: It is not mmdet's, or its settings have something that ONNX has
            not.
    """

    def __init__(self, head: RPNHead) -> None:
        super().__init__()
        if type(head) is not RPNHead:
            raise RequestError(f'{type(head).__name__} is not exported')
        self.head, self.cfg = head, head.test_cfg
        check_settings(self.cfg, type(head).__name__)
        self.anchors = of_all_levels(head.prior_generator)
        self.decode = Decode(head.bbox_coder)

    def forward(
        self, features: tuple[Tensor, ...], sizes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The image (M,) and the box (M, 4) of each proposal."""
        levels = [
            self.level(*maps)
            for maps in zip(*self.head(features), self.anchors, strict=True)
        ]
        scores, deltas, sources = (
            torch.cat(parts, 1) for parts in zip(*levels, strict=True)
        )
        groups = torch.cat(
            [
                torch.full_like(part[0], i, dtype=torch.int64)
                for i, (part, *_) in enumerate(levels)
            ]
        )
        boxes = self.decode(sources, deltas, sizes)
        valid = large_enough(boxes, self.cfg.get('min_bbox_size', -1))
        images, index = suppress(
            boxes, scores, groups, valid, self.cfg.nms, self.cfg.max_per_img
        )
        return images, boxes[images, index]

    def level(
        self, logits: Tensor, deltas: Tensor, anchors: Anchors
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (N, k), deltas and anchors (N, k, 4) of the best of a level."""
        logits = by_anchor(logits, self.head.cls_out_channels)
        if self.head.use_sigmoid_cls:
            scores = logits.sigmoid()[..., 0]
        else:
            scores = logits.softmax(-1)[..., 0]
        scores, index = best(scores, most_of(self.cfg))
        sources = rows_of(anchors(deltas), index)
        return scores, rows_of(by_anchor(deltas, 4), index), sources
