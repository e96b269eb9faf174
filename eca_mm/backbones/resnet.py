"""mmdet's ResNet with efficient channel attention in every block."""

from collections.abc import Sequence

import torch.utils.checkpoint as cp
from mmdet.models.backbones.resnet import BasicBlock, Bottleneck, ResNet
from mmdet.registry import MODELS
from torch import Tensor, nn

from eca_mm.layers.eca import check_kernel_size


class PluginBasicBlock(BasicBlock):
    """mmdet's BasicBlock with plugins after conv1 or conv2; the host's takes none.

    Args:
        plugins: As in mmdet's Bottleneck: dicts with ``cfg`` and ``position``, here
            'after_conv1' or 'after_conv2'.

    Raises:
        ValueError: A plugin has another position.
    """

    positions = ('after_conv1', 'after_conv2')
    make_block_plugins = Bottleneck.make_block_plugins
    forward_plugin = Bottleneck.forward_plugin

    def __init__(
        self, inplanes: int, planes: int, *args, plugins=None, **kwargs
    ) -> None:
        super().__init__(inplanes, planes, *args, **kwargs)
        for plugin in plugins or []:
            if plugin['position'] not in self.positions:
                raise ValueError(
                    f'position must be one of {self.positions} in a BasicBlock, '
                    f'got {plugin["position"]!r}'
                )
        self.after_conv1_plugin_names, self.after_conv2_plugin_names = (
            self.make_block_plugins(
                planes, [p['cfg'] for p in plugins or [] if p['position'] == position]
            )
            for position in self.positions
        )

    def forward(self, x: Tensor) -> Tensor:
        """The host's forward plus two plugin calls; a test pins it to the host's."""

        def inner(x: Tensor) -> Tensor:
            out = self.relu(self.norm1(self.conv1(x)))
            out = self.forward_plugin(out, self.after_conv1_plugin_names)
            out = self.norm2(self.conv2(out))
            out = self.forward_plugin(out, self.after_conv2_plugin_names)
            identity = x if self.downsample is None else self.downsample(x)
            return out + identity

        recompute = self.with_cp and x.requires_grad
        out = cp.checkpoint(inner, x, use_reentrant=False) if recompute else inner(x)
        return self.relu(out)


@MODELS.register_module()
class ECAResNet(ResNet):
    """ResNet with an ECA on each block's output, before the residual addition.

    State dicts are interchangeable with mmdet's ``ResNet`` that has the same ECA in
    ``plugins``, and keys are the authors': ``layer1.0.eca.conv.weight`` (1, 1, k).

    Args:
        depth: 18, 34, 50, 101 or 152.
        kernel_sizes: 'adaptive' for the paper's rule, one odd int for all stages, or
            one for each stage. The released ImageNet models have (3, 5, 5, 7) at
            depth 50 and (3, 3, 5, 7) at 101 and 152.
        plugins: Further plugins as in mmdet's ``ResNet``; those at the same position
            come before the ECA.
        kwargs: Every other argument of mmdet's ``ResNet``.

    Raises:
        TypeError: ``kernel_sizes`` has the wrong type.
        ValueError: A kernel size is even or below 1, there is not one for each stage,
            or a string other than 'adaptive' is given.
    """

    def __init__(
        self,
        depth: int,
        kernel_sizes: str | int | Sequence[int] = 'adaptive',
        plugins: list[dict] | None = None,
        num_stages: int = 4,
        **kwargs,
    ) -> None:
        # The block's last convolution; an unknown depth is the host's error.
        last_conv = 'after_conv2' if depth in (18, 34) else 'after_conv3'
        attention = [
            dict(
                cfg=dict(type='ECA', kernel_size=kernel_size),
                position=last_conv,
                stages=tuple(stage == i for i in range(num_stages)),
            )
            for stage, kernel_size in enumerate(
                per_stage_kernel_sizes(kernel_sizes, num_stages)
            )
        ]
        super().__init__(
            depth,
            plugins=[*(plugins or []), *attention],
            num_stages=num_stages,
            **kwargs,
        )

    def make_res_layer(self, block: type[nn.Module], **kwargs) -> nn.Module:
        # Swapped here and not in arch_settings: the host compares the block with its
        # own BasicBlock to choose the initialisation of zero_init_residual.
        if block is BasicBlock:
            block = PluginBasicBlock
        return super().make_res_layer(block=block, **kwargs)


def per_stage_kernel_sizes(
    kernel_sizes: str | int | Sequence[int], num_stages: int
) -> list[int | None]:
    """One kernel size a stage; None stands for the paper's rule."""
    if kernel_sizes == 'adaptive':
        return [None] * num_stages
    if isinstance(kernel_sizes, str):
        raise ValueError(
            "kernel_sizes must be 'adaptive', an odd int or one odd int a stage, "
            f'got {kernel_sizes!r}'
        )
    if not isinstance(kernel_sizes, Sequence):
        return [check_kernel_size(kernel_sizes)] * num_stages
    if len(kernel_sizes) != num_stages:
        raise ValueError(
            f'kernel_sizes must have one entry for each of the {num_stages} stages, '
            f'got {tuple(kernel_sizes)}'
        )
    return [check_kernel_size(k) for k in kernel_sizes]
