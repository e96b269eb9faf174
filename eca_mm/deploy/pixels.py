"""From an image's pixels to what a backbone takes: mmdet's DetDataPreprocessor."""

import torch
from mmdet.models.data_preprocessors import DetDataPreprocessor
from torch import Tensor, nn

from eca_mm.errors import RequestError

from .sizes import each, padded


class Preprocess(nn.Module):
    """Normalises, and pads to the right and below.

    Args:
        steps: mmdet's.

    Raises:
        RequestError: It does not normalise images of three channels, or does more.
    """

    def __init__(self, steps: nn.Module) -> None:
        super().__init__()
        if type(steps) is not DetDataPreprocessor or steps.batch_augments:
            raise RequestError(
                f'a {type(steps).__name__} with batch_augments or of another kind '
                'than DetDataPreprocessor is not exported'
            )
        # Config files read images in BGR and turn that into RGB, or do not.
        self.bgr = not steps._channel_conversion
        mean, std = torch.zeros(3, 1, 1), torch.ones(3, 1, 1)
        if steps._enable_normalize:
            mean, std = steps.mean, steps.std
        if len(mean) != 3:
            raise RequestError(f'a model of {len(mean)} channels is not exported')
        self.register_buffer('mean', mean.clone())
        self.register_buffer('std', std.clone())
        self.divisor = steps.pad_size_divisor
        self.pad_value = float(steps.pad_value)

    def forward(
        self, pixels: Tensor, sizes: Tensor, scales: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Images, with sizes (N, 2) and scales (N, 4) of each.

        Args:
            pixels: (N, 3, H, W) uint8, in RGB.
            sizes: (N or 1, 2) height and width of what is no padding; 0 for all.
            scales: (N or 1, 2) by which x and y were scaled.
        """
        height, width = pixels.shape[-2:]
        images = pixels.float()
        images = images.flip(1) if self.bgr else images
        images = (images - self.mean) / self.std
        # Of two numbers that the export knows by their symbols
        whole = torch.stack([torch.full((), side) for side in (height, width)]).float()
        sizes = torch.where(sizes > 0, sizes, whole)
        sizes, scales = each(sizes, pixels), each(scales, pixels)
        rows = torch.arange(height, device=pixels.device) < sizes[:, :1]
        columns = torch.arange(width, device=pixels.device) < sizes[:, 1:]
        inside = (rows[:, None, :, None] & columns[:, None, None, :]).to(images)
        images = images * inside
        if self.pad_value:
            images = images + self.pad_value * (1 - inside)
        images = padded(images, self.divisor, self.pad_value)
        return images, sizes, scales.repeat(1, 2)
