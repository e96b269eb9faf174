import torch
from torch import Tensor, nn

from eca_mm.functional import scale_channels

from .base import IdentityInit, check_divides
from .eca import check_kernel_size
from .register import plugin


@plugin
class CBAM(IdentityInit, nn.Module):
    """Convolutional block attention module: channel gates, then spatial gates.

    Woo et al., ECCV 2018, equations 1 to 3. Without biases, like SE: so its count on
    ResNet-50 is that of Table 3, 26.77. The official code (Jongchan/attention-module,
    MODELS/cbam.py, model_resnet.py) has biases in the MLP, a batch norm behind the
    spatial convolution, whose scale begins as 0, and the maximum before the mean in the
    pooled maps. So its weights do not fit, and the converter refuses them.

    Args:
        in_channels: Channels C of the input.
        reduction: Divisor of the channels between the two layers of the shared MLP.
        kernel_size: Side of the spatial convolution.
        identity_init: Ours, not the paper's: begin as the identity, both gates; see
            :class:`ECA`.

    Raises:
        TypeError: ``reduction`` or ``kernel_size`` is not an int.
        ValueError: ``reduction`` does not divide ``in_channels``, ``kernel_size`` is
            even or below 1.
    """

    _abbr_ = 'cbam'
    last = ('last_of_mlp', 'conv')

    def __init__(
        self,
        in_channels: int,
        reduction: int = 16,
        kernel_size: int = 7,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        check_kernel_size(kernel_size)
        reduced = check_divides('reduction', reduction, in_channels)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.maximum = nn.AdaptiveMaxPool2d(1)
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, reduced, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(reduced, in_channels, bias=False),
        )
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.begin(identity_init)

    @property
    def last_of_mlp(self) -> nn.Linear:
        return self.mlp[-1]

    def gates(self, x: Tensor) -> Tensor:
        """Channel gates (N, C) of a feature map (N, C, H, W)."""
        # (N, C, 1, 1) -> (N, C)
        pooled = (pool(x).flatten(1) for pool in (self.average, self.maximum))
        return self.squash(sum(map(self.mlp, pooled)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        x = scale_channels(x, self.gates(x))
        # (N, 2, H, W): mean and maximum over the channels
        maps = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        return x * self.squash(self.conv(maps)).to(x.dtype)
