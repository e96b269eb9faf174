from abc import ABC, abstractmethod

from torch import Tensor, nn, sigmoid

from eca_mm.functional import scale_channels


class ChannelAttention(nn.Module, ABC):
    """Scale each channel by sigmoid(f(GAP(x))), equation 1 of the paper.

    Subclasses are f: they implement :meth:`excite`. The pooling is a module, without
    parameters, because the host's counters of FLOPs see modules only.
    """

    # Ours, not the paper's: a subclass that offers it sets it, with f zero at first.
    identity_init = False

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)

    @abstractmethod
    def excite(self, y: Tensor) -> Tensor:
        """Logits of the gates (N, C) from channel means ``y`` (N, C)."""

    def gate(self, y: Tensor) -> Tensor:
        """Gates (N, C) from channel means ``y`` (N, C), in (0, 1).

        With ``identity_init`` they are twice that, so that logits of zero, as they
        are before the first step, make every gate exactly 1.
        """
        return self.squash(self.excite(y))

    def squash(self, logits: Tensor) -> Tensor:
        """Gates from logits (N, C), see :meth:`gate`."""
        gate = sigmoid(logits)
        return 2 * gate if self.identity_init else gate

    def gates(self, x: Tensor) -> Tensor:
        """Gates (N, C) of a feature map (N, C, H, W)."""
        # (N, C, 1, 1) -> (N, C)
        return self.gate(self.squeeze(x).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return scale_channels(x, self.gates(x))


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
