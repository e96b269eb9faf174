"""mmdet's ResNet with plugins in any block, and with efficient channel attention."""

from collections.abc import Sequence
from typing import Any

from mmdet.models.backbones.resnet import BasicBlock, Bottleneck, ResNet
from mmdet.registry import MODELS
from torch import nn

from eca_mm.layers.eca import check_kernel_size

from .blocks import PluginBasicBlock, PluginBottleneck
from .fusable import check_fused_tail

PLUGIN_BLOCKS = {BasicBlock: PluginBasicBlock, Bottleneck: PluginBottleneck}


@MODELS.register_module()
class PluginResNet(ResNet):
    """mmdet's ResNet whose plugins can be placed block by block.

    Args:
        plugins: Dicts as in mmdet's ResNet (``cfg``, ``position``, ``stages``), which
            may also have

            - ``position='after_block'``: behind the block's last ReLU,
            - ``blocks``: for each stage the indices of the blocks that get the plugin,
              negative ones from the end, or None for all of them. One block behind the
              last but one of c4: ``blocks=((), (), (-2,), ())``.

            BasicBlocks (depth 18 and 34) take plugins too.
        fused_tail: Compute the tail of a block whose last plugin is a channel attention
            in one go, with less saved for backward, wherever
            :func:`.fusable.attention_to_fuse` finds that the result is the same but
            for rounding. On a GPU the kernels of :mod:`eca_mm.kernels` do that for
            ECA, in float32 and below, where they run (`eca_mm.kernels.probe`); other
            tails are plain there. 'torch' asks for torch's operators, 'triton' for the
            kernels, with any gate.
        args, kwargs: As mmdet's ResNet's.

    Raises:
        ValueError: The blocks have no such position, a stage has no such block,
            ``stages`` or ``blocks`` are not one a stage, or ``fused_tail`` is another
            word, or 'triton' where that is not installed.
    """

    def __init__(self, *args, fused_tail: bool | str = True, **kwargs) -> None:
        check_fused_tail(fused_tail)
        super().__init__(*args, **kwargs)
        for module in self.modules():
            if isinstance(module, tuple(PLUGIN_BLOCKS.values())):
                module.fused_tail = fused_tail

    def make_stage_plugins(self, plugins: list[dict], stage_idx: int) -> list[dict]:
        """Plugins of a stage, their ``blocks`` turned into a set of indices."""
        for plugin in plugins:
            self.check_plugin(plugin)
        stage_plugins = super().make_stage_plugins(plugins, stage_idx)
        for plugin in stage_plugins:  # copies
            blocks = (plugin.pop('blocks', None) or [None] * self.num_stages)[stage_idx]
            indices = range(self.stage_blocks[stage_idx])
            plugin['blocks'] = set(indices) if blocks is None else set()
            for i in blocks or ():
                if not -len(indices) <= i < len(indices):
                    raise ValueError(
                        f'blocks of stage {stage_idx + 1}: there is no block {i}, the '
                        f'stage has {len(indices)}'
                    )
                plugin['blocks'].add(indices[i])
        return stage_plugins

    def check_plugin(self, plugin: dict) -> None:
        """Reject a plugin that cannot be placed."""
        positions = PLUGIN_BLOCKS[self.block].positions
        if plugin.get('position') not in positions:
            raise ValueError(
                f'position must be {" or ".join(positions)} at depth {self.depth}, got '
                f'{plugin.get("position")!r}'
            )
        for key in ('stages', 'blocks'):
            value = plugin.get(key)
            if value is not None and len(value) != self.num_stages:
                raise ValueError(
                    f'{key} must have one entry for each of the {self.num_stages} '
                    f'stages, got {value}'
                )

    def make_res_layer(
        self, block: type[nn.Module], num_blocks: int, plugins: list | None, **kwargs
    ) -> nn.Module:
        """The host's stage, each block built with the plugins that are meant for it."""
        # Swapped here and not in arch_settings: the host compares the block with its
        # own BasicBlock to choose the initialisation of zero_init_residual.
        build = BlockBuilder(
            PLUGIN_BLOCKS[block],
            [
                [plugin for plugin in plugins or [] if i in plugin['blocks']]
                for i in range(num_blocks)
            ],
        )
        layer = super().make_res_layer(block=build, num_blocks=num_blocks, **kwargs)
        layer.block = PLUGIN_BLOCKS[block]
        return layer


class BlockBuilder:
    """Stands for a block class in mmdet's ResLayer, which builds all blocks alike."""

    def __init__(self, block: Any, plugins: list[list[dict]]) -> None:
        self.block = block
        self.expansion = block.expansion
        self.plugins = iter(plugins)  # the ResLayer builds its blocks in order

    def __call__(self, **kwargs) -> nn.Module:
        return self.block(plugins=next(self.plugins), **kwargs)


@MODELS.register_module()
class ECAResNet(PluginResNet):
    """ResNet with an ECA on each block's output, before the residual addition.

    State dicts are interchangeable with mmdet's ``ResNet`` that has the same ECA in
    ``plugins``, and keys are the authors': ``layer1.0.eca.conv.weight`` (1, 1, k).

    Args:
        depth: 18, 34, 50, 101 or 152.
        kernel_sizes: 'adaptive' for the paper's rule, one odd int for all stages, or
            one for each stage. The released ImageNet models have (3, 5, 5, 7) at
            depth 50 and (3, 3, 5, 7) at 101 and 152.
        plugins: Further plugins as of :class:`PluginResNet`; those at the same
            position come before the ECA.
        identity_init: Ours, not the paper's: every ECA begins as the identity, so that
            with a plain ResNet's weights the network starts exactly as that one does
            (but for rounding where its tail is fused).
        kwargs: Every other argument of :class:`PluginResNet` and mmdet's ``ResNet``.

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
        identity_init: bool = False,
        **kwargs,
    ) -> None:
        # The block's last convolution; an unknown depth is the host's error.
        last_conv = 'after_conv2' if depth in (18, 34) else 'after_conv3'
        attention = [
            dict(
                cfg=dict(
                    type='ECA', kernel_size=kernel_size, identity_init=identity_init
                ),
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
