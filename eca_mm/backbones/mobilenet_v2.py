"""mmdet's MobileNetV2 with attention in every block."""

import torch
from mmcv.cnn import ConvModule, build_plugin_layer
from mmdet.models.backbones import MobileNetV2
from mmdet.registry import MODELS
from torch import Tensor, nn

from .fusable import can_fuse
from .fused_tail import fused_gate


class AttendedConv(nn.Module):
    """A convolution with its norm, followed by a plugin; keys as the ConvModule's.

    Args:
        module: A ConvModule without activation, whose layers are taken over.
        plugin: Config of the plugin.
        fused_tail: Compute norm and plugin in one go where they can be; the addition
            behind them is the host's.
    """

    def __init__(
        self, module: ConvModule, plugin: dict, fused_tail: bool = True
    ) -> None:
        super().__init__()
        self.fused_tail = fused_tail
        self.conv = module.conv
        self.norm_name = module.norm_name
        self.add_module(module.norm_name, module.norm)
        self.plugin_name, layer = build_plugin_layer(
            plugin, in_channels=module.out_channels
        )
        self.add_module(self.plugin_name, layer)

    def forward(self, x: Tensor) -> Tensor:
        norm, plugin = getattr(self, self.norm_name), getattr(self, self.plugin_name)
        out = self.conv(x)
        # Compiled blocks are left to torch.compile, which fuses the operators itself;
        # for GPUs there is no kernel.
        if (
            self.fused_tail
            and not torch.compiler.is_compiling()
            and can_fuse(x, norm, plugin, how=False)
        ):
            return fused_gate(out, norm, plugin)
        return plugin(norm(out))


@MODELS.register_module()
class PluginMobileNetV2(MobileNetV2):
    """MobileNetV2 with a plugin behind each block's last convolution.

    That is before the residual addition, where the block has one; section 4.1 of the
    paper. Its SE counterpart is ``plugin=dict(type='SE', reduction=8)``.

    Args:
        plugin: Config of the plugin.
        fused_tail: Compute a block's last norm and a channel attention in one go, with
            less saved for backward, wherever the result is the same but for rounding.
        args, kwargs: As mmdet's ``MobileNetV2``'s.

    Raises:
        ValueError: ``fused_tail`` is neither True nor False.
    """

    def __init__(self, *args, plugin: dict, fused_tail: bool = True, **kwargs) -> None:
        if fused_tail not in (True, False):
            raise ValueError(f'fused_tail must be True or False: {fused_tail!r}')
        self.plugin, self.fused_tail = plugin, fused_tail
        super().__init__(*args, **kwargs)

    def plugin_for(self, channels: int) -> dict:
        """Config of the plugin of a block with ``channels`` outputs."""
        return self.plugin

    def make_layer(self, out_channels: int, **kwargs) -> nn.Sequential:
        layer = super().make_layer(out_channels=out_channels, **kwargs)
        for block in layer:
            block.linear_conv = AttendedConv(
                block.linear_conv, self.plugin_for(out_channels), self.fused_tail
            )
        return layer


@MODELS.register_module()
class ECAMobileNetV2(PluginMobileNetV2):
    """MobileNetV2 with ECA, as the released model: 1 tap below 96 channels, else 3.

    Args:
        args, kwargs: As of :class:`PluginMobileNetV2` and mmdet's ``MobileNetV2``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, plugin=dict(type='ECA'), **kwargs)

    def plugin_for(self, channels: int) -> dict:
        return dict(self.plugin, kernel_size=1 if channels < 96 else 3)
