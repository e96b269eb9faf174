from torch import Tensor, nn

from .base import ChannelAttention, check_divides
from .register import plugin


@plugin
class SE(ChannelAttention):
    """Squeeze and excitation, equation 2: sigmoid(W2 relu(W1 y)), 2*C^2/r parameters.

    Hu et al., CVPR 2018. Without biases, as the paper's parameter counts show: SE on
    ResNet-50 adds 2.51 M, and biases would add another 0.016 M.

    Args:
        in_channels: Channels C of the input.
        reduction: Divisor r of the channels between the two layers.
        bias: Give both layers a bias, C + C/r parameters more.
        identity_init: Ours, not the paper's: begin as the identity, with W2 (and its
            bias) zero and gates 2 * sigmoid(...); see :class:`ECA`.

    Raises:
        TypeError: ``reduction`` is not an int.
        ValueError: ``reduction`` does not divide ``in_channels``.
    """

    _abbr_ = 'se'
    last = ('fc2',)

    def __init__(
        self,
        in_channels: int,
        reduction: int = 16,
        bias: bool = False,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        reduced = check_divides('reduction', reduction, in_channels)
        self.fc1 = nn.Linear(in_channels, reduced, bias)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Linear(reduced, in_channels, bias)
        self.begin(identity_init)

    def excite(self, y: Tensor) -> Tensor:
        return self.fc2(self.relu(self.fc1(y)))
