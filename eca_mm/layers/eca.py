from torch import Tensor, nn

from eca_mm.functional import adaptive_kernel_size

from .base import ChannelAttention
from .register import plugin


@plugin
class ECA(ChannelAttention):
    """Efficient channel attention, equation 9: sigmoid(C1D_k(y)), k parameters.

    Args:
        in_channels: Channels C of the input; chooses the kernel size where none is
            given.
        kernel_size: Odd number k of taps, or None for the paper's rule
            (:func:`eca_mm.adaptive_kernel_size`). Released weights do not follow the
            rule: take k from their tensors.
        gamma: Divisor of the rule (equation 12).
        beta: Offset of the rule.
        identity_init: Ours, not the paper's: begin as the identity, with taps of zero
            and gates 2 * sigmoid(C1D_k(y)). For a start from the weights of a plain
            network, whose features gates near one half would halve. The factor stays,
            so trained weights are only right with the option they were trained with.

    Raises:
        TypeError: ``kernel_size`` or ``in_channels`` is not an int.
        ValueError: ``kernel_size`` is even or below 1, ``in_channels`` is below 1.
    """

    # The name of the plugin in a block: layer1.0.eca.conv.weight, as the authors'.
    _abbr_ = 'eca'
    last = ('conv',)

    def __init__(
        self,
        in_channels: int,
        kernel_size: int | None = None,
        gamma: float = 2,
        beta: float = 1,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        adaptive = adaptive_kernel_size(in_channels, gamma, beta)
        k = adaptive if kernel_size is None else check_kernel_size(kernel_size)
        self.conv = nn.Conv1d(1, 1, k, padding=k // 2, bias=False)
        self.begin(identity_init)

    def excite(self, y: Tensor) -> Tensor:
        # (N, C) -> (N, 1, C): the channels are the sequence of the convolution.
        return self.conv(y.unsqueeze(1)).squeeze(1)

    @property
    def taps(self) -> Tensor:
        """(1, k), the same for all channels."""
        return self.conv.weight[0]


def check_kernel_size(kernel_size: int) -> int:
    """Return an odd positive int unchanged; raise TypeError or ValueError otherwise."""
    if not isinstance(kernel_size, int) or isinstance(kernel_size, bool):
        raise TypeError(f'kernel_size must be an int, got {kernel_size!r}')
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f'kernel_size must be odd and positive, got {kernel_size}')
    return kernel_size
