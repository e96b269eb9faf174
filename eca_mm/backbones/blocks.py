"""mmdet's residual blocks with plugins where the host has no place for them."""

from collections.abc import Sequence

import torch.utils.checkpoint as cp
from mmdet.models.backbones.resnet import BasicBlock, Bottleneck
from torch import Tensor


def at(position: str, plugins: Sequence[dict]) -> list[dict]:
    """Configs of the plugins at a position."""
    return [plugin['cfg'] for plugin in plugins if plugin['position'] == position]


class PluginBottleneck(Bottleneck):
    """mmdet's Bottleneck, whose plugins may also come after the whole block.

    Args:
        plugins: As in the host: dicts with ``cfg`` and ``position``, which is one of
            ``positions``. Plugins 'after_block' see the block's output, after its ReLU.
    """

    positions = ('after_conv1', 'after_conv2', 'after_conv3', 'after_block')

    def __init__(
        self, inplanes: int, planes: int, *args, plugins: Sequence[dict] = (), **kwargs
    ) -> None:
        inside = [p for p in plugins if p['position'] != 'after_block']
        super().__init__(inplanes, planes, *args, plugins=inside or None, **kwargs)
        self.after_block_plugin_names = self.make_block_plugins(
            planes * self.expansion, at('after_block', plugins)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_plugin(super().forward(x), self.after_block_plugin_names)


class PluginBasicBlock(BasicBlock):
    """mmdet's BasicBlock with plugins; the host's takes none.

    Args:
        plugins: As of :class:`PluginBottleneck`, without 'after_conv3'.
    """

    positions = ('after_conv1', 'after_conv2', 'after_block')
    make_block_plugins = Bottleneck.make_block_plugins
    forward_plugin = Bottleneck.forward_plugin

    def __init__(
        self, inplanes: int, planes: int, *args, plugins: Sequence[dict] = (), **kwargs
    ) -> None:
        super().__init__(inplanes, planes, *args, **kwargs)
        self.after_conv1_plugin_names, self.after_conv2_plugin_names, names = (
            self.make_block_plugins(planes, at(position, plugins))
            for position in self.positions
        )
        self.after_block_plugin_names = names

    def forward(self, x: Tensor) -> Tensor:
        """The host's forward plus the plugin calls; a test pins it to the host's."""

        def inner(x: Tensor) -> Tensor:
            out = self.relu(self.norm1(self.conv1(x)))
            out = self.forward_plugin(out, self.after_conv1_plugin_names)
            out = self.norm2(self.conv2(out))
            out = self.forward_plugin(out, self.after_conv2_plugin_names)
            identity = x if self.downsample is None else self.downsample(x)
            return out + identity

        recompute = self.with_cp and x.requires_grad
        out = cp.checkpoint(inner, x, use_reentrant=False) if recompute else inner(x)
        return self.forward_plugin(self.relu(out), self.after_block_plugin_names)
