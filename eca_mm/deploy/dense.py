"""Detections of RetinaNet: every anchor of every level, and each of its classes."""

import torch
from mmdet.models.dense_heads import RetinaHead
from torch import Tensor, nn

from eca_mm.errors import RequestError
from eca_mm.mmdet_v1 import V1RetinaHead

from .box_coding import Decode, of_all_levels
from .heads import Found
from .proposals import large_enough, most_of, rows_of
from .sizes import best, by_anchor
from .suppression import check_settings, suppress


class NameAnchors(nn.Module):
    """The head of a RetinaNet, of today's or of 1.x's rules.

    Raises:
        RequestError: It is another head, or its settings have something that ONNX has
            not.
    """

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        if type(head) not in (RetinaHead, V1RetinaHead) or not head.use_sigmoid_cls:
            raise RequestError(f'{type(head).__name__} is not exported')
        self.head, self.cfg = head, head.test_cfg
        self.whole_anchors = type(head) is V1RetinaHead
        check_settings(self.cfg, type(head).__name__)
        self.anchors = of_all_levels(head.prior_generator)
        self.decode = Decode(head.bbox_coder)

    def forward(
        self,
        features: tuple[Tensor, ...],
        sizes: Tensor,
        scales: Tensor,
        score_thr: Tensor,
    ) -> Found:
        """Detections at the size of the original image; arguments as NameBoxes'."""
        take = self.best_anchors if self.whole_anchors else self.best_pairs
        levels = [
            take(logits, by_anchor(deltas, 4), anchors(deltas))
            for logits, deltas, anchors in zip(
                *self.head(features), self.anchors, strict=True
            )
        ]
        scores, labels, deltas, sources = (
            torch.cat(parts, 1) for parts in zip(*levels, strict=True)
        )
        boxes = self.decode(sources, deltas, sizes) * (1 / scales[:, None])
        valid = large_enough(boxes, self.cfg.get('min_bbox_size', -1))
        images, index = suppress(
            boxes, scores, labels, valid & (scores > score_thr), self.cfg.nms,
            self.cfg.max_per_img,
        )  # fmt: skip
        return (
            images, boxes[images, index], scores[images, index], labels[images, index]
        )  # fmt: skip

    def best_pairs(self, logits: Tensor, deltas: Tensor, anchors: Tensor) -> Found:
        """The best pairs of anchor and class: score, label (N, k), deltas, anchor."""
        classes = self.head.num_classes
        scores = by_anchor(logits, classes).sigmoid().flatten(1)
        scores, index = best(scores, most_of(self.cfg))
        anchor = index // classes
        return (
            scores,
            index % classes,
            rows_of(deltas, anchor),
            rows_of(anchors, anchor),
        )

    def best_anchors(self, logits: Tensor, deltas: Tensor, anchors: Tensor) -> Found:
        """The same of the anchors whose best class is best, with all their classes."""
        classes = self.head.num_classes
        logits = by_anchor(logits, classes)
        _, index = best(logits.amax(-1), most_of(self.cfg))
        scores = rows_of(logits, index).sigmoid()
        labels = torch.arange(classes, device=logits.device).expand_as(scores)
        parts = (
            part[:, :, None].expand(-1, -1, classes, -1).flatten(1, 2)
            for part in (rows_of(deltas, index), rows_of(anchors, index))
        )
        # (N, k, classes) -> (N, k * classes)
        return scores.flatten(1), labels.flatten(1), *parts
