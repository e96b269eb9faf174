"""What each proposal is, and its mask: the heads of two-stage detectors."""

import torch
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from torch import Tensor, nn

from eca_mm.errors import RequestError
from eca_mm.mmdet_v1 import V1FCNMaskHead

from .box_coding import Decode
from .regions import Regions
from .suppression import check_settings, suppress

Found = tuple[Tensor, Tensor, Tensor, Tensor]  # image, box, score and label of each


class NameBoxes(nn.Module):
    """Labels, scores and better boxes for proposals.

    Args:
        roi_head: mmdet's StandardRoIHead or V1RoIHead.
        most: Proposals of an image, at most.
        rescale_first: Whether NMS is taken at the size of the original image.

    Raises:
        RequestError: Its box head finds its boxes in another way than BBoxHead.
    """

    def __init__(self, roi_head: nn.Module, most: int, rescale_first: bool) -> None:
        super().__init__()
        head = roi_head.bbox_head
        own = type(head)._predict_by_feat_single
        if own is not BBoxHead._predict_by_feat_single or head.custom_cls_channels:
            raise RequestError(f'{type(head).__name__} is not exported')
        if not (head.with_cls and head.with_reg):
            raise RequestError('a box head without classes or boxes is not exported')
        self.cfg = roi_head.test_cfg
        check_settings(self.cfg, type(head).__name__)
        self.head, self.most, self.rescale_first = head, most, rescale_first
        self.regions = Regions(roi_head.bbox_roi_extractor)
        self.decode = Decode(head.bbox_coder)

    def forward(
        self,
        features: tuple[Tensor, ...],
        images: Tensor,
        boxes: Tensor,
        sizes: Tensor,
        scales: Tensor,
        score_thr: Tensor,
    ) -> Found:
        """Detections; their boxes are scaled back if NMS is taken so.

        Args:
            images, boxes: Of the proposals (M,) and (M, 4).
            sizes: (N, 2) height and width of each image.
            scales: (N, 4) by which x and y were scaled.
            score_thr: (1,) below which nothing is kept.
        """
        pooled, order = self.regions(features, images, boxes)
        logits, deltas = self.head(pooled)
        place = self.places(images[order], sizes.shape[0])
        scores = self.table(place, logits.softmax(-1)[:, :-1], sizes)
        deltas = self.table(place, deltas, sizes)
        sources = self.table(place, boxes[order], sizes)
        # (N, P, 4) or (N, P, classes * 4) -> (N, P * classes, 4)
        classes = self.head.num_classes
        each = deltas.shape[-1] // 4
        sources = sources[:, :, None].expand(-1, -1, each, -1).flatten(1, 2)
        found = self.decode(sources, deltas.reshape(sizes.shape[0], -1, 4), sizes)
        if self.rescale_first:
            found = found * (1 / scales[:, None])
        if each == 1:
            found = found[:, :, None].expand(-1, -1, classes, -1).flatten(1, 2)
        scores = scores.flatten(1)
        labels = torch.arange(classes, device=boxes.device).repeat(self.most)
        images, index = suppress(
            found, scores, labels, scores > score_thr, self.cfg.nms,
            self.cfg.max_per_img,
        )  # fmt: skip
        return images, found[images, index], scores[images, index], labels[index]

    def places(self, images: Tensor, count: int) -> Tensor:
        """Rows (M,) of a table that has ``most`` rows for each image."""
        every = torch.arange(count, device=images.device)
        own = (images[None] == every[:, None]).long()  # (N, M)
        return images * self.most + own.cumsum(1).gather(0, images[None])[0] - 1

    def table(self, place: Tensor, rows: Tensor, sizes: Tensor) -> Tensor:
        """(N, P, C) with the rows (M, C) at their places, and else 0."""
        count = sizes.shape[0]
        empty = rows.new_zeros(count * self.most, rows.shape[1])
        return empty.index_put((place,), rows).view(count, self.most, -1)


class NamePixels(nn.Module):
    """Masks (K, h, w) of detections, from 0 to 1, each to be spread over its box.

    Raises:
        RequestError: The mask head is another one than FCNMaskHead.
    """

    def __init__(self, roi_head: nn.Module) -> None:
        super().__init__()
        head = roi_head.mask_head
        if type(head) not in (FCNMaskHead, V1FCNMaskHead):
            raise RequestError(f'{type(head).__name__} is not exported')
        self.head = head
        self.regions = Regions(roi_head.mask_roi_extractor)

    def forward(
        self,
        features: tuple[Tensor, ...],
        images: Tensor,
        boxes: Tensor,
        labels: Tensor,
    ) -> Tensor:
        pooled, order = self.regions(features, images, boxes)
        logits = self.head(pooled)
        if not self.head.class_agnostic:
            # (K, classes, h, w) -> (K, 1, h, w)
            kind = labels[order][:, None, None, None]
            logits = logits.gather(1, kind.expand(-1, 1, *logits.shape[2:]))
        masks = logits[:, 0].sigmoid()
        return torch.empty_like(masks).index_put((order,), masks)
