from abc import ABC, abstractmethod

from torch import Tensor, nn, sigmoid

from eca_mm.functional import scale_channels


class ChannelAttention(nn.Module, ABC):
    """Scale each channel by sigmoid(f(GAP(x))), equation 1 of the paper.

    Subclasses are f: they implement :meth:`excite`. The pooling is a module, without
    parameters, because the host's counters of FLOPs see modules only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)

    @abstractmethod
    def excite(self, y: Tensor) -> Tensor:
        """Logits of the gates (N, C) from channel means ``y`` (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        # (N, C, 1, 1) -> (N, C)
        return scale_channels(x, sigmoid(self.excite(self.squeeze(x).flatten(1))))


def check_divides(name: str, part: int, channels: int) -> int:
    """Return how often ``part`` goes into ``channels``.

    Raises:
        TypeError: ``part`` is not an int.
        ValueError: ``part`` is below 1 or does not divide ``channels``.
    """
    if not isinstance(part, int) or isinstance(part, bool):
        raise TypeError(f'{name} must be an int, got {part!r}')
    if part < 1 or channels % part:
        raise ValueError(f'{name} must divide the {channels} channels, got {part}')
    return channels // part
