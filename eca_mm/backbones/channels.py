"""How many channels the images of a network have."""

from mmdet.models.backbones.csp_darknet import Focus
from torch import nn


def input_channels(network: nn.Module) -> int:
    """Channels of the images that a detector, or a backbone, is built for.

    As its first convolution tells, because detectors do not keep the ``in_channels`` of
    their config; 3 where there is none.
    """
    modules = list(network.modules())
    first = next((m for m in modules if isinstance(m, nn.Conv2d)), None)
    if first is None:
        return 3
    # YOLOX's stem lays each square of four pixels over one another.
    has_focus = any(isinstance(module, Focus) for module in modules)
    return first.in_channels // 4 if has_focus else first.in_channels
