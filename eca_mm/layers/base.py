from abc import ABC, abstractmethod

from torch import Tensor, nn, sigmoid

from eca_mm.functional import scale_channels


class IdentityInit:
    """Gates that can begin as exactly 1; ours, not the paper's.

    They are then 2 * sigmoid(z) = 1 + tanh(z / 2) with logits z of zero; so begin the
    gates 1 + tanh of GCT (Yang et al., CVPR 2020, arXiv 1909.11519). The slope in z is
    1/2 there, so that what makes z has a gradient from the first step on. A factor in
    front that begins as zero would keep it from them for that step, and be one more
    parameter to count.

    Attributes:
        identity_init: Whether the gates are twice the plain ones.
        last: Names of the parameters, or modules, that make the logits; those of zero
            where they are zero. A subclass without any cannot begin as the identity.
        DOUBLED: Version, in state dicts, of a module whose gates are doubled: no tensor
            shows it.
    """

    DOUBLED = 2  # torch's default is 1
    identity_init = False
    last: tuple[str, ...] = ()

    def squash(self, logits: Tensor) -> Tensor:
        """Gates from logits."""
        gate = sigmoid(logits)
        return 2 * gate if self.identity_init else gate

    def begin(self, identity_init: bool) -> None:
        """Begin as the identity or not; the constructors call it at their end."""
        self.identity_init = identity_init
        if identity_init:
            self._version = self.DOUBLED
            self.zero_logits()

    def zero_logits(self) -> None:
        """Make the logits zero, which are drawn anew by some hosts."""
        for name in self.last:
            part = getattr(self, name)
            for tensor in part.parameters() if isinstance(part, nn.Module) else [part]:
                nn.init.zeros_(tensor)


class ChannelAttention(IdentityInit, nn.Module, ABC):
    """Scale each channel by sigmoid(f(GAP(x))), equation 1 of the paper.

    Subclasses are f: they implement :meth:`excite`. The pooling is a module, without
    parameters, because the host's counters of FLOPs see modules only.

    Attributes:
        takes_tokens: Whether it needs no height and width, as gates of means do not.
    """

    takes_tokens = True

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)

    @abstractmethod
    def excite(self, y: Tensor) -> Tensor:
        """Logits of the gates (N, C) from channel means ``y`` (N, C)."""

    def gate(self, y: Tensor) -> Tensor:
        """Gates (N, C) from channel means ``y`` (N, C), in (0, 1).

        With ``identity_init`` they are twice that, see :class:`IdentityInit`.
        """
        return self.squash(self.excite(y))

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
