"""A whole detector of mmdet as one module of tensors: what is exported."""

from copy import deepcopy
from typing import Any

import torch
from mmcv.cnn.bricks import wrappers
from mmdet.models.detectors import FasterRCNN, MaskRCNN, RetinaNet
from mmdet.models.roi_heads import StandardRoIHead
from torch import Tensor, nn

from eca_mm.errors import RequestError
from eca_mm.mmdet_v1 import V1RoIHead
from eca_mm.runtime.metadata import OUTPUTS

from .dense import NameAnchors
from .heads import Found, NameBoxes, NamePixels
from .pixels import Preprocess
from .proposals import Proposals

INPUTS = ('pixels', 'sizes', 'scales', 'score_thr')


class WholeDetector(nn.Module):
    """From pixels to detections.

    Args:
        detector: FasterRCNN, MaskRCNN or RetinaNet, in eval mode; its modules are
            shared.

    Attributes:
        outputs: Names of what it returns.

    Raises:
        RequestError: It, or a part of it, is another one: the message names it.
    """

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        kinds = {FasterRCNN: TwoStages, MaskRCNN: TwoStages, RetinaNet: OneStage}
        if type(detector) not in kinds:
            raise RequestError(
                f'{type(detector).__name__} is not exported whole: FasterRCNN, '
                'MaskRCNN and RetinaNet are'
            )
        self.preprocess = Preprocess(detector.data_preprocessor)
        self.backbone = detector.backbone
        self.neck = detector.neck if detector.with_neck else nn.Identity()
        self.heads: Any = kinds[type(detector)](detector)
        self.outputs = OUTPUTS[: 5 if self.heads.with_mask else 4]

    def forward(
        self, pixels: Tensor, sizes: Tensor, scales: Tensor, score_thr: Tensor
    ) -> tuple[Tensor, ...]:
        """Detections of all images, the best of each first.

        Args:
            pixels: (N, 3, H, W) uint8, in RGB.
            sizes: (N or 1, 2) height and width of what is no padding; 0 for all.
            scales: (N or 1, 2) by which x and y were scaled.
            score_thr: (1,) below which nothing is kept.

        Returns:
            The image (K,) of each, its box (K, 4) as x1, y1, x2, y2 in pixels before
            scaling, score (K,), label (K,), and with a mask head its mask (K, h, w),
            from 0 to 1, to be spread over the box.
        """
        images, sizes, scales = self.preprocess(pixels, sizes, scales)
        features = tuple(self.neck(self.backbone(images)))
        return self.heads(features, sizes, scales, score_thr)


class OneStage(nn.Module):
    """RetinaNet behind its neck."""

    with_mask = False

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.anchors = NameAnchors(detector.bbox_head)
        self.cfg = self.anchors.cfg

    def forward(
        self, features: tuple[Tensor, ...], sizes: Tensor, scales: Tensor, thr: Tensor
    ) -> Found:
        return self.anchors(features, sizes, scales, thr)


class TwoStages(nn.Module):
    """Faster R-CNN and Mask R-CNN behind their neck."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        roi_head = detector.roi_head
        if type(roi_head) not in (StandardRoIHead, V1RoIHead):
            raise RequestError(f'{type(roi_head).__name__} is not exported')
        if roi_head.with_shared_head:
            raise RequestError('a shared_head is not exported')
        self.with_mask = roi_head.with_mask
        self.cfg = roi_head.test_cfg
        # Boxes are scaled back before NMS, but by today's rules not before masks.
        self.rescale_first = not self.with_mask or type(roi_head) is V1RoIHead
        self.proposals = Proposals(detector.rpn_head)
        most = self.proposals.cfg.max_per_img
        self.boxes = NameBoxes(roi_head, most, self.rescale_first)
        self.masks = NamePixels(roi_head) if self.with_mask else None

    def forward(
        self, features: tuple[Tensor, ...], sizes: Tensor, scales: Tensor, thr: Tensor
    ) -> tuple[Tensor, ...]:
        images, boxes = self.proposals(features, sizes)
        images, boxes, scores, labels = self.boxes(
            features, images, boxes, sizes, scales, thr
        )
        own = scales[images]
        if not self.with_mask:
            return images, boxes, scores, labels
        pooled = boxes * own if self.rescale_first else boxes
        masks = self.masks(features, images, pooled, labels)
        return images, pooled / own, scores, labels, masks


def plain_copy(detector: nn.Module) -> nn.Module:
    """A copy without fused tails, and without mmcv's layers for empty batches.

    Those ask for the number of elements, which an export does not know; torch's own
    work for none.
    """
    copy = deepcopy(detector)
    plain = {
        getattr(wrappers, name): getattr(nn, name)
        for name in ('Conv2d', 'ConvTranspose2d', 'MaxPool2d', 'Linear')
    }
    for module in copy.modules():
        if hasattr(module, 'fused_tail'):
            module.fused_tail = False
        if type(module) in plain:
            module.__class__ = plain[type(module)]
    return copy.train(False)


def example(whole: WholeDetector, height: int, width: int) -> tuple[Tensor, ...]:
    """Inputs to export with: a batch of 2, since one of 1 would be taken for fixed."""
    pixels = torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8)
    thr = float(whole.heads.cfg.score_thr)
    sizes = torch.tensor([[float(height), float(width)]] * 2)
    return pixels, sizes, torch.ones(2, 2), torch.tensor([thr])
