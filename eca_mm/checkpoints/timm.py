"""timm's ResNets: with ECA or SE, or plain with its three-layer stem.

Names as of timm 1.0, timm/models/resnet.py: attention of any kind is ``se``, and
``bn1`` is the last norm of the stem. A model that has no counterpart in mmdet's ResNet
is rejected by name; a state dict carries none, so its shapes tell.
"""

import re

from .architecture import backbone_config, blocks_of
from .rename import State, flatten_se, rename
from .safe import CheckpointError

TABLE = [(r'\.se\.conv\.', '.eca.conv.')]
DEEP_STEM = [(r'^conv1\.(\d)\.', r'stem.\1.'), (r'^bn1\.', 'stem.7.')]
# Bottlenecks a stage, and how the names say it
NAMES = {
    (1, 1, 11, 3): 'light',
    (2, 2, 2, 2): '26',
    (3, 4, 6, 3): '50',
    (3, 4, 23, 3): '101',
    (3, 8, 36, 3): '152',
    (3, 24, 36, 3): '200',
    (3, 30, 48, 8): '269',
}


def matches(state: State) -> bool:
    """Whether there is timm's attention, or its three-layer stem."""
    return any(re.match(r'conv1\.0\.|layer1\.0\.se\.', key) for key in state)


def convert(state: State) -> tuple[State, dict]:
    """State dict of our backbone, and its config.

    Raises:
        CheckpointError: It is a model without counterpart here.
    """
    stem = DEEP_STEM if 'conv1.0.weight' in state else []
    renamed = flatten_se(rename(state, [*stem, *TABLE]))
    try:
        config = backbone_config(renamed)
        if stem and config['type'] != 'ECAResNet':
            # resnetaa50d and seresnetaa50d smooth before they stride, which no tensor
            # shows; of timm's models with ECA none does.
            raise CheckpointError(
                'whether its strides are anti-aliased cannot be told from its tensors'
            )
        return renamed, dict(backbone=config)
    except CheckpointError as error:
        raise CheckpointError(
            f"this is like timm's {model_name(state)}, which has no counterpart here: "
            f'{error}; ecaresnet50d, ecaresnet101d and seresnet18 to 152 have one'
        ) from error


def model_name(state: State) -> str:
    """What timm calls a model that does not fit, as far as shapes tell."""
    eca = any(key.endswith('.se.conv.weight') for key in state)
    se = any('.se.fc' in key for key in state)
    names = dict(
        attention='eca' if eca else 'se' if se else '',
        size=NAMES.get(blocks_of(state), ''),
        letter='d' if 'conv1.0.weight' in state else '',
    )
    for variant, is_variant in VARIANTS.items():
        if is_variant(state):
            return variant.format(**names)
    return '{attention}resnet{size}{letter}'.format(**names)


def channels(state: State, key: str, dim: int = 0) -> int:
    """Channels out of (0) or into (1) a convolution; 0 where there is none."""
    shape = state[key].shape if key in state else ()
    return shape[dim] if dim < len(shape) else 0


def is_grouped(state: State) -> bool:
    width = channels(state, 'layer1.0.conv1.weight')
    return channels(state, 'layer1.0.conv2.weight', dim=1) < width


def is_pruned(state: State) -> bool:
    return any(
        channels(state, key) < 32 * 2 ** int(key[5])
        for key in state
        if re.fullmatch(r'layer\d\.\d+\.conv1\.weight', key)
    )


def is_tiered(state: State) -> bool:
    return channels(state, 'conv1.0.weight') != channels(state, 'conv1.3.weight')


VARIANTS = {
    '{attention}resnext{size} (grouped convolutions)': is_grouped,
    '{attention}resnet{size}d_pruned (fewer channels)': is_pruned,
    '{attention}resnet{size}t (tiered stem)': is_tiered,
}
