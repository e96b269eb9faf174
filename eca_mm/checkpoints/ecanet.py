"""The authors' ImageNet files: ECA-ResNet 18 to 152 and ECA-MobileNetV2.

Their ResNet's names are ours. Source of the names: models/eca_resnet.py (cf8a4c8) and
models/eca_mobilenetv2.py (5e1301c) of https://github.com/BangguWu/ECANet. Their
MobileNetV2 is torchvision's with the ECA at the end of each block's ``conv``.
"""

import re

from .architecture import backbone_config, backbones
from .rename import State, rename


def matches(state: State) -> bool:
    """Whether there is ECA under the authors' names."""
    pattern = r'(layer\d\.\d+\.eca|features\.\d+\.conv\.\d)\.conv\.weight'
    return any(re.fullmatch(pattern, key) for key in state)


def convert(state: State) -> tuple[State, dict]:
    """State dict of our backbone, and its config.

    Raises:
        CheckpointError: It is not one of these models.
    """
    if 'features.0.0.weight' in state:
        state = rename(state, mobilenet_table())
    return state, dict(backbone=backbone_config(state))


def mobilenet_table() -> list[tuple[str, str]]:
    """Renamings of torchvision's MobileNetV2, whose features are one long list."""
    settings = backbones()['MobileNetV2'].arch_settings
    targets = [
        (f'layer{stage}.{block}', expansion != 1)
        for stage, (expansion, _, blocks, _) in enumerate(settings, 1)
        for block in range(blocks)
    ]
    table = conv_bn('features.0', 'conv1')
    for i, (target, expands) in enumerate(targets, 1):
        table += block_table(f'features.{i}.conv', target, expands)
    return table + conv_bn(f'features.{len(targets) + 1}', 'conv2')


def block_table(source: str, target: str, expands: bool) -> list[tuple[str, str]]:
    """Renamings of an inverted residual block; the first one does not expand."""
    table = conv_bn(f'{source}.0', f'{target}.expand_conv') if expands else []
    table += conv_bn(f'{source}.{0 + expands}', f'{target}.depthwise_conv')
    linear = ('conv', 'bn', 'eca')
    return table + [
        (prefix(f'{source}.{i}'), f'{target}.linear_conv.{name}.')
        for i, name in enumerate(linear, 1 + expands)
    ]


def conv_bn(source: str, target: str) -> list[tuple[str, str]]:
    """Renamings of a convolution and its norm, the first two of a Sequential."""
    return [
        (prefix(f'{source}.{i}'), f'{target}.{name}.')
        for i, name in enumerate(('conv', 'bn'))
    ]


def prefix(name: str) -> str:
    return f'^{re.escape(name)}\\.'
