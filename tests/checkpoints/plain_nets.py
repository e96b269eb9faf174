"""Networks written from the papers, in plain torch and float64, with random weights.

They are functions that make the tensors they use, under the names that the authors'
files have: run once on an image, ``net.state`` is a state dict, and the result is what
a backbone that loaded it has to give.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


class Net:
    """Layers by name; each makes its tensors when it is first used."""

    def __init__(self) -> None:
        self.state: dict[str, Tensor] = {}

    def tensor(self, name: str, *shape: int, low: float, high: float) -> Tensor:
        drawn = torch.empty(shape).uniform_(low, high)  # float32, as in the files
        return self.state.setdefault(name, drawn).double()

    def conv(self, x, name, out, kernel, stride=1, groups=1) -> Tensor:
        shape = (out, x.shape[1] // groups, kernel, kernel)
        bound = (6 / (shape[1] * kernel**2)) ** 0.5  # keeps the size of activations
        weight = self.tensor(f'{name}.weight', *shape, low=-bound, high=bound)
        return F.conv2d(x, weight, None, stride, kernel // 2, 1, groups)

    def norm(self, x, name) -> Tensor:
        """Batch norm at test time."""
        mean = self.tensor(f'{name}.running_mean', x.shape[1], low=-0.5, high=0.5)
        var = self.tensor(f'{name}.running_var', x.shape[1], low=0.5, high=1.5)
        weight = self.tensor(f'{name}.weight', x.shape[1], low=0.5, high=1)
        bias = self.tensor(f'{name}.bias', x.shape[1], low=-0.5, high=0.5)
        self.state[f'{name}.num_batches_tracked'] = torch.tensor(7)
        mean, var, weight, bias = (t[:, None, None] for t in (mean, var, weight, bias))
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    def eca(self, x, name, kernel) -> Tensor:
        """Equation 9, written as a sum over the k neighbours."""
        # So large that gates of neighbouring channels differ visibly.
        taps = self.tensor(f'{name}.conv.weight', 1, 1, kernel, low=-3, high=3)[0, 0]
        means = F.pad(x.mean((2, 3)), (kernel // 2, kernel // 2))
        count = x.shape[1]
        logits = sum(tap * means[:, i : i + count] for i, tap in enumerate(taps))
        return x / (1 + torch.exp(-logits))[:, :, None, None]


def resnet(
    net: Net, x: Tensor, blocks: tuple, bottleneck: bool, kernels=(None,) * 4
) -> list[Tensor]:
    """The four feature maps; ECA of ``kernels`` behind each block's last norm."""
    x = net.norm(net.conv(x, 'conv1', 64, 7, stride=2), 'bn1').relu()
    x = F.max_pool2d(x, 3, 2, 1)
    maps = []
    for stage, (count, kernel) in enumerate(zip(blocks, kernels, strict=True)):
        width = 64 * 2**stage
        for i in range(count):
            name = f'layer{stage + 1}.{i}'
            stride = 2 if stage and not i else 1
            branch = bottleneck_branch if bottleneck else basic_branch
            out = branch(net, x, name, width, stride)
            if kernel:
                out = net.eca(out, f'{name}.eca', kernel)
            if out.shape != x.shape:
                x = net.conv(x, f'{name}.downsample.0', out.shape[1], 1, stride)
                x = net.norm(x, f'{name}.downsample.1')
            x = (x + out).relu()
        maps.append(x)
    net.tensor('fc.weight', 1000, x.shape[1], low=-1, high=1)
    net.tensor('fc.bias', 1000, low=-1, high=1)
    return maps


def basic_branch(net: Net, x, name, width, stride) -> Tensor:
    x = net.norm(net.conv(x, f'{name}.conv1', width, 3, stride), f'{name}.bn1')
    return net.norm(net.conv(x.relu(), f'{name}.conv2', width, 3), f'{name}.bn2')


def bottleneck_branch(net: Net, x, name, width, stride) -> Tensor:
    x = net.norm(net.conv(x, f'{name}.conv1', width, 1), f'{name}.bn1').relu()
    x = net.norm(net.conv(x, f'{name}.conv2', width, 3, stride), f'{name}.bn2').relu()
    return net.norm(net.conv(x, f'{name}.conv3', 4 * width, 1), f'{name}.bn3')


def eca_mobilenet_v2(net: Net, x: Tensor) -> list[Tensor]:
    """The outputs of the seven stages and of the last convolution.

    The released model: one tap below 96 channels, three from there on.
    """

    def conv_norm_relu6(x, name, out, *args) -> Tensor:
        return net.norm(net.conv(x, f'{name}.0', out, *args), f'{name}.1').clamp(0, 6)

    x = conv_norm_relu6(x, 'features.0', 32, 3, 2)
    maps, index = [], 0
    # Table 2 of Sandler et al., CVPR 2018: expansion, channels, blocks, stride
    for t, c, n, s in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for i in range(n):
            index += 1
            name, inner = f'features.{index}.conv', t * x.shape[1]
            out = x if t == 1 else conv_norm_relu6(x, f'{name}.0', inner, 1)
            at = 0 if t == 1 else 1
            stride = 1 if i else s
            out = conv_norm_relu6(out, f'{name}.{at}', inner, 3, stride, inner)
            out = net.norm(net.conv(out, f'{name}.{at + 1}', c, 1), f'{name}.{at + 2}')
            out = net.eca(out, f'{name}.{at + 3}', 1 if c < 96 else 3)
            x = x + out if i else out
        maps.append(x)
    maps.append(conv_norm_relu6(x, 'features.18', 1280, 1))
    net.tensor('classifier.1.weight', 1000, 1280, low=-1, high=1)
    net.tensor('classifier.1.bias', 1000, low=-1, high=1)
    return maps
