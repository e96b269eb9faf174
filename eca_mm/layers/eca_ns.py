import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from eca_mm.functional import adaptive_kernel_size

from .base import ChannelAttention
from .eca import check_kernel_size
from .register import plugin


@plugin
class ECANS(ChannelAttention):
    """ECA with taps of its own for each channel (ECA-NS, equation 7), k*C parameters.

    Args:
        in_channels: Channels C of the input.
        kernel_size: Odd number k of taps, or None for the paper's rule.
        identity_init: Ours, not the paper's: begin as the identity; see :class:`ECA`.

    Raises:
        TypeError, ValueError: As :class:`ECA`.
    """

    _abbr_ = 'eca_ns'
    last = ('weight',)

    def __init__(
        self,
        in_channels: int,
        kernel_size: int | None = None,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        adaptive = adaptive_kernel_size(in_channels)
        k = adaptive if kernel_size is None else check_kernel_size(kernel_size)
        # As Conv1d draws the taps of ECA: uniform up to 1 / sqrt(fan in).
        self.weight = nn.Parameter(torch.empty(in_channels, k).uniform_(-1, 1) / k**0.5)
        self.begin(identity_init)

    def excite(self, y: Tensor) -> Tensor:
        k = self.weight.shape[1]
        # (N, C) -> (N, C, k): each channel with its neighbours, zeros beyond the ends.
        near = pad(y, (k // 2, k // 2)).unfold(1, k, 1)
        return (near * self.weight).sum(-1)

    @property
    def taps(self) -> Tensor:
        """(C, k), those of each channel."""
        return self.weight
