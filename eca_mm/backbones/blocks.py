"""mmdet's residual blocks with plugins where the host has no place for them."""

from collections.abc import Sequence

import torch.utils.checkpoint as cp
from mmdet.models.backbones.resnet import BasicBlock, Bottleneck
from torch import Tensor

from eca_mm.layers.base import ChannelAttention

from .fusable import attention_to_fuse
from .fused_tail import fused_tail


def at(position: str, plugins: Sequence[dict]) -> list[dict]:
    """Configs of the plugins at a position."""
    return [plugin['cfg'] for plugin in plugins if plugin['position'] == position]


class PluginBottleneck(Bottleneck):
    """mmdet's Bottleneck, whose plugins may also come after the whole block.

    Args:
        plugins: As in the host: dicts with ``cfg`` and ``position``, which is one of
            ``positions``. Plugins 'after_block' see the block's output, after its ReLU.

    Attributes:
        fused_tail: Compute the block's end by :func:`fused_tail` where it can be, on a
            GPU by kernels; 'torch' and 'triton' by no kernels or by them.
    """

    positions = ('after_conv1', 'after_conv2', 'after_conv3', 'after_block')
    fused_tail = True

    def __init__(
        self, inplanes: int, planes: int, *args, plugins: Sequence[dict] = (), **kwargs
    ) -> None:
        inside = [p for p in plugins if p['position'] != 'after_block']
        super().__init__(inplanes, planes, *args, plugins=inside or None, **kwargs)
        self.after_block_plugin_names = self.make_block_plugins(
            planes * self.expansion, at('after_block', plugins)
        )

    def fusable_attention(self, x: Tensor) -> ChannelAttention | None:
        """The attention of the block's end if it can be fused for an input."""
        names = self.after_conv3_plugin_names if self.with_plugins else ()
        return attention_to_fuse(self, x, self.norm3, names)

    def forward(self, x: Tensor) -> Tensor:
        attention = self.fusable_attention(x)
        out = super().forward(x) if attention is None else self.fused(x, attention)
        return self.forward_plugin(out, self.after_block_plugin_names)

    def fused(self, x: Tensor, attention: ChannelAttention) -> Tensor:
        """The host's forward with a fused end."""
        out = self.relu(self.norm1(self.conv1(x)))
        out = self.forward_plugin(out, self.after_conv1_plugin_names)
        out = self.relu(self.norm2(self.conv2(out)))
        out = self.forward_plugin(out, self.after_conv2_plugin_names)
        identity = x if self.downsample is None else self.downsample(x)
        modules = self.conv3, self.norm3, attention
        return fused_tail(out, *modules, identity, self.fused_tail)


class PluginBasicBlock(BasicBlock):
    """mmdet's BasicBlock with plugins; the host's takes none.

    Args:
        plugins: As of :class:`PluginBottleneck`, without 'after_conv3'.
    """

    positions = ('after_conv1', 'after_conv2', 'after_block')
    fused_tail = True
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

    def fusable_attention(self, x: Tensor) -> ChannelAttention | None:
        """As of :class:`PluginBottleneck`."""
        return attention_to_fuse(self, x, self.norm2, self.after_conv2_plugin_names)

    def forward(self, x: Tensor) -> Tensor:
        """The host's forward plus the plugin calls; a test pins it to the host's."""
        attention = self.fusable_attention(x)

        def branches(x: Tensor) -> tuple[Tensor, Tensor]:
            """Input of conv2 and the other branch."""
            out = self.relu(self.norm1(self.conv1(x)))
            out = self.forward_plugin(out, self.after_conv1_plugin_names)
            return out, x if self.downsample is None else self.downsample(x)

        def inner(x: Tensor) -> Tensor:
            out, identity = branches(x)
            out = self.norm2(self.conv2(out))
            return self.forward_plugin(out, self.after_conv2_plugin_names) + identity

        if attention is not None:
            out, identity = branches(x)
            modules = self.conv2, self.norm2, attention
            out = fused_tail(out, *modules, identity, self.fused_tail)
        elif self.with_cp and x.requires_grad:
            out = self.relu(cp.checkpoint(inner, x, use_reentrant=False))
        else:
            out = self.relu(inner(x))
        return self.forward_plugin(out, self.after_block_plugin_names)


def add_plugin(
    block: PluginBasicBlock | PluginBottleneck, plugin: dict, channels: int
) -> None:
    """Give a block that is built a plugin behind its last convolution, in place.

    Raises:
        ValueError: It has a plugin of that name.
    """
    if isinstance(block, Bottleneck) and not block.with_plugins:
        block.with_plugins = True
        for i in '123':
            setattr(block, f'after_conv{i}_plugin_names', [])
    try:
        names = block.make_block_plugins(channels, [plugin])
    except AssertionError as error:  # of the host, with the name alone
        raise ValueError(f'a block has one already: {error}') from error
    last = block.positions[-2]
    getattr(block, f'{last}_plugin_names').extend(names)
