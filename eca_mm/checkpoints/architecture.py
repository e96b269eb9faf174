"""Which backbone a state dict belongs to, read from its tensors' names and shapes."""

import re
from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from eca_mm.host import check_host

from .safe import CheckpointError

ECA_WEIGHT = re.compile(
    r'(?:backbone\.)?layer(\d)\.\d+\.(?:linear_conv\.)?eca\.conv\.weight'
)


@cache
def backbones() -> dict[str, type]:
    """The backbones that weights can be for, by name.

    Imported late: that takes seconds, and a file that is no checkpoint does without.
    """
    check_host()
    from mmdet.models.backbones import MobileNetV2, ResNet

    from eca_mm.backbones import ECAMobileNetV2, ECAResNet, PluginResNet

    kinds = (ECAMobileNetV2, ECAResNet, MobileNetV2, PluginResNet, ResNet)
    return {kind.__name__: kind for kind in kinds}


@cache
def depths() -> dict[tuple[bool, tuple[int, ...]], int]:
    """Depth of a ResNet by whether it has bottlenecks and by its blocks a stage."""
    settings = backbones()['ResNet'].arch_settings.items()
    return {(block.expansion == 4, tuple(n)): depth for depth, (block, n) in settings}


def kernel_sizes(state: Mapping[str, Tensor]) -> list[int]:
    """ECA's kernel size of each stage, from shapes (1, 1, k); empty without ECA.

    Raises:
        CheckpointError: The blocks of a stage differ.
    """
    stages = {}
    for key, tensor in state.items():
        match = ECA_WEIGHT.fullmatch(key)
        if match and tensor.ndim == 3:
            stages.setdefault(int(match[1]), set()).add(tensor.shape[-1])
    for stage, sizes in stages.items():
        if len(sizes) > 1:
            raise CheckpointError(
                f'stage {stage} has several ECA kernel sizes, {sorted(sizes)}: the '
                'backbones here have one a stage'
            )
    return [stages[stage].pop() for stage in sorted(stages)]


def backbone_config(state: Mapping[str, Tensor]) -> dict:
    """Config of the backbone that has exactly these tensors.

    Args:
        state: Keys as mmdet's backbones have them, without ``backbone.``.

    Raises:
        CheckpointError: There is no such backbone; names the first tensor that it lacks
            or has too many or in another shape.
    """
    mobilenet = any('linear_conv' in key for key in state)
    config = mobilenet_config(state) if mobilenet else resnet_config(state)
    arguments = {key: value for key, value in config.items() if key != 'type'}
    try:
        with torch.device('meta'):  # names and shapes only
            model = backbones()[config['type']](**arguments)
    except ValueError as error:  # an even kernel size, a stage without attention
        raise CheckpointError(
            f'there is no {config["type"]} of this kind: {error}'
        ) from error
    compare(state, model.state_dict(), f'{config["type"]} of this kind')
    return config


def mobilenet_config(state: Mapping[str, Tensor]) -> dict:
    return dict(type='ECAMobileNetV2' if kernel_sizes(state) else 'MobileNetV2')


def resnet_config(state: Mapping[str, Tensor]) -> dict:
    """Config of a ResNet: its depth, its variant and its attention."""
    config = dict(type='ResNet', depth=depth_of(state))
    if 'stem.0.weight' in state:
        config['deep_stem'] = True
    # A pooling layer, which has no tensors, comes before the convolution.
    if getattr(state.get('layer2.0.downsample.1.weight'), 'ndim', 0) == 4:
        config['avg_down'] = True
    sizes, plugins = kernel_sizes(state), se_plugins(state)
    if sizes:
        config |= dict(type='ECAResNet', kernel_sizes=tuple(sizes))
    elif plugins:
        config |= dict(type='PluginResNet', plugins=plugins)
    return config


def blocks_of(state: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Number of blocks of each stage."""
    blocks = {re.match(r'layer(\d)\.(\d+)\.', key) for key in state}
    counts = {match.groups() for match in blocks if match}
    stages = sorted({stage for stage, _ in counts})
    return tuple(sum(stage == s for s, _ in counts) for stage in stages)


def depth_of(state: Mapping[str, Tensor]) -> int:
    bottleneck = 'layer1.0.conv3.weight' in state
    blocks = blocks_of(state)
    if (bottleneck, blocks) not in depths():
        kind = 'bottleneck' if bottleneck else 'basic'
        raise CheckpointError(
            f'no ResNet of depth {", ".join(map(str, depths().values()))} has '
            f'{blocks or "no"} {kind} blocks'
        )
    return depths()[bottleneck, blocks]


def se_plugins(state: Mapping[str, Tensor]) -> list[dict]:
    """The ``plugins`` of a ResNet with SE: one for each reduction, [] without SE."""
    stages = {}
    for stage in '1234':
        weight = state.get(f'layer{stage}.0.se.fc1.weight')
        if weight is not None and weight.ndim == 2:
            reduced, channels = weight.shape
            stages.setdefault(channels // reduced, set()).add(stage)
    last_conv = 3 if 'layer1.0.conv3.weight' in state else 2
    plugins = []
    for reduction, members in stages.items():
        cfg = dict(type='SE')
        if reduction != 16:
            cfg['reduction'] = reduction
        if 'layer1.0.se.fc1.bias' in state:
            cfg['bias'] = True
        plugin = dict(cfg=cfg, position=f'after_conv{last_conv}')
        if len(members) < 4:
            plugin['stages'] = tuple(stage in members for stage in '1234')
        plugins.append(plugin)
    return plugins


def compare(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], name: str
) -> None:
    """Raise CheckpointError unless names and shapes agree.

    torch before 0.4.1 did not count batches: ``num_batches_tracked`` may be missing.
    """
    for key in [*state, *expected]:
        if key not in expected:
            raise CheckpointError(f'{name} has no tensor {key}')
        if key not in state and not key.endswith('num_batches_tracked'):
            raise CheckpointError(f'it lacks {key} of {name}')
        if key in state and state[key].shape != expected[key].shape:
            raise CheckpointError(
                f'{key} has the shape {tuple(state[key].shape)}, in {name} it is '
                f'{tuple(expected[key].shape)}'
            )
