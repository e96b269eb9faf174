"""Anchors of a feature map of any size, and boxes from what a head says of them."""

import math

import torch
from mmdet.models.task_modules.coders import DeltaXYWHBBoxCoder
from mmdet.models.task_modules.prior_generators import AnchorGenerator
from torch import Tensor, nn

from eca_mm.errors import RequestError
from eca_mm.mmdet_v1 import V1DeltaXYWHBBoxCoder

from .sizes import anchors

MAX_RATIO = abs(math.log(16 / 1000))  # mmdet's wh_ratio_clip


class Anchors(nn.Module):
    """Anchors of a level: (1, H * W * A, 4) for a map of H x W.

    Args:
        generator: mmdet's, whose base anchors and strides are taken.
        level: From fine to coarse.
    """

    def __init__(self, generator: AnchorGenerator, level: int) -> None:
        super().__init__()
        self.register_buffer('base', generator.base_anchors[level].float())
        self.stride = [int(step) for step in generator.strides[level]]

    def forward(self, features: Tensor) -> Tensor:
        return anchors(features, self.base, self.stride)


def of_all_levels(generator: AnchorGenerator) -> nn.ModuleList:
    """Anchors of each level, from fine to coarse."""
    levels = range(generator.num_levels)
    return nn.ModuleList(Anchors(generator, level) for level in levels)


class Decode(nn.Module):
    """Boxes (N, n, 4) inside their images, from sources (N, n, 4) and deltas.

    Args:
        coder: mmdet's; DeltaXYWHBBoxCoder, or 1.x's of this package.

    Raises:
        RequestError: It is another one.
    """

    def __init__(self, coder: nn.Module) -> None:
        super().__init__()
        self.last_pixel = type(coder) is V1DeltaXYWHBBoxCoder
        if not self.last_pixel and type(coder) is not DeltaXYWHBBoxCoder:
            raise RequestError(f'{type(coder).__name__} is not exported')
        if getattr(coder, 'add_ctr_clamp', False):
            raise RequestError('add_ctr_clamp of a box coder is not exported')
        self.clip = self.last_pixel or coder.clip_border
        self.register_buffer('means', torch.tensor(coder.means))
        self.register_buffer('stds', torch.tensor(coder.stds))

    def forward(self, sources: Tensor, deltas: Tensor, sizes: Tensor) -> Tensor:
        """Decode.

        Args:
            sizes: (N, 2) height and width of each image.
        """
        deltas = deltas * self.stds + self.means
        sides = sources[..., 2:] - sources[..., :2] + int(self.last_pixel)
        middles = (sources[..., :2] + sources[..., 2:]) * 0.5
        middles = middles + sides * deltas[..., :2]
        half = sides * deltas[..., 2:].clamp(-MAX_RATIO, MAX_RATIO).exp() * 0.5
        if self.last_pixel:
            half = half - 0.5
        boxes = torch.cat([middles - half, middles + half], -1)
        if not self.clip:
            return boxes
        # (N, 2) -> (N, 1, 4), width before height
        most = sizes.flip(1).repeat(1, 2)[:, None] - int(self.last_pixel)
        return boxes.clamp(min=0).minimum(most)
