"""The features of boxes, each from the level of the pyramid that suits its size."""

import torch
from mmcv.ops import RoIAlign
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import Tensor, nn

from eca_mm.errors import RequestError
from eca_mm.mmdet_v1 import V1RoIAlign, V1RoIExtractor

from .operators import roi_align


class Regions(nn.Module):
    """A SingleRoIExtractor, of today's or of 1.x's rules.

    Raises:
        RequestError: It is another one, or pools by something else than RoIAlign.
    """

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        if type(extractor) not in (SingleRoIExtractor, V1RoIExtractor):
            raise RequestError(f'{type(extractor).__name__} is not exported')
        for layer in extractor.roi_layers:
            if type(layer) not in (RoIAlign, V1RoIAlign) or layer.pool_mode != 'avg':
                raise RequestError('RoI layers other than RoIAlign are not exported')
        self.extractor = extractor
        self.levels = len(extractor.roi_layers)

    def forward(
        self, features: tuple[Tensor, ...], images: Tensor, boxes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features (M, C, h, w) in another order, and the number (M,) of each box.

        Level by level: each box is pooled once.

        Args:
            images: (M,) int64, the image of each box.
            boxes: (M, 4).
        """
        features = features[: self.levels]
        if self.levels == 1:
            every = torch.arange(boxes.shape[0], device=boxes.device)
            return self.pool(0, features[0], images, boxes), every
        rois = torch.cat([images[:, None].to(boxes), boxes], 1)
        levels = self.extractor.map_roi_levels(rois, self.levels)
        pooled, numbers = [], []
        for i, maps in enumerate(features):
            own = (levels == i).nonzero()[:, 0]
            pooled.append(self.pool(i, maps, images[own], boxes[own]))
            numbers.append(own)
        return torch.cat(pooled), torch.cat(numbers)

    def pool(self, level: int, maps: Tensor, images: Tensor, boxes: Tensor) -> Tensor:
        layer = self.extractor.roi_layers[level]
        if type(layer) is V1RoIAlign:  # see there
            half = 0.5 / layer.spatial_scale
            boxes = boxes + boxes.new_tensor([half, half, 1 + half, 1 + half])
        return roi_align(
            maps,
            boxes,
            images,
            list(layer.output_size),
            float(layer.spatial_scale),
            int(layer.sampling_ratio),
            bool(layer.aligned),
        )
