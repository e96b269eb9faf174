"""The end of a residual block by itself: where attention costs, and nothing else."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from eca_mm.backbones.fused_tail import fused_tail

from .workload import Settings, Workload, mean_of_outputs

STAGES = ('c2', 'c3', 'c4', 'c5')


class BlockEnd(nn.Module):
    """relu(attention(norm(conv(x))) + identity), as at the end of a Bottleneck.

    Args:
        channels: C of the output; x has a quarter.
        attention: From (N, C, H, W) to the same, None for the plain end.
        fused: Compute it by :func:`~eca_mm.backbones.fused_tail.fused_tail`, and how.
        norms: Mode of the norm in a training step, 'eval' or 'training'.
    """

    def __init__(
        self,
        channels: int,
        attention: nn.Module | None = None,
        fused: bool | str = False,
        norms: str = 'eval',
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels // 4, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.attention = nn.Identity() if attention is None else attention
        self.relu = nn.ReLU(inplace=True)
        self.fused = fused
        self.norms = norms

    def train(self, mode: bool = True) -> 'BlockEnd':
        """The norm stays in eval mode, as MMDetection has it, unless it is to learn."""
        super().train(mode)
        self.norm.train(mode and self.norms == 'training')
        return self

    def forward(self, x: Tensor, identity: Tensor) -> Tensor:
        """(N, C/4, H, W) and (N, C, H, W) -> (N, C, H, W)."""
        if self.fused:
            modules = self.conv, self.norm, self.attention
            return fused_tail(x, *modules, identity, self.fused)
        out = self.attention(self.norm(self.conv(x)))
        out += identity  # in place, as MMDetection's blocks do
        return self.relu(out)


class EndWorkload(Workload):
    """An end whose inputs have gradients, as inside a network."""

    def forward(self) -> Tensor:
        inputs = [value.detach().requires_grad_() for value in self.inputs]
        with self.settings.autocast():
            return self.loss(self.model(*inputs))


def tail_workload(
    stage: str,
    settings: Settings,
    attention: Callable[[int], nn.Module | None] = lambda channels: None,
    fused: bool | str = False,
) -> EndWorkload:
    """The end of a ResNet-50's block of a stage.

    Args:
        stage: 'c2' (256 channels, a quarter of the image's width and height) to 'c5'.
        attention: From a number of channels, the block.
    """
    level = STAGES.index(stage)
    channels = 256 * 2**level
    model = BlockEnd(channels, attention(channels), fused, settings.norms)
    width, height = (-(-side // (4 * 2**level)) for side in settings.size)
    x, identity = (
        settings.place(torch.randn(settings.batch, c, height, width))
        for c in (channels // 4, channels)
    )
    return EndWorkload(settings.place(model), (x, identity), settings, mean_of_outputs)
