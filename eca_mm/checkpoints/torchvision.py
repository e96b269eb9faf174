"""Plain ResNets of torchvision, whose names mmdet's backbone shares.

Files of Caffe's ResNet, which strides in another convolution, have the same tensors:
what they need besides, ``style='caffe'``, only their source can tell.
"""

import re

from .architecture import backbone_config
from .rename import State

NAME = re.compile(
    r'((layer[1-4]\.\d+\.)?(conv|bn)[123]|layer[1-4]\.0\.downsample\.[01])\.\w+'
)


def matches(state: State) -> bool:
    """Whether this is a ResNet with a 7x7 stem and nothing beside it."""
    return 'conv1.weight' in state and all(map(NAME.fullmatch, state))


def convert(state: State) -> tuple[State, dict]:
    """The state dict as it is, and the backbone's config.

    Raises:
        CheckpointError: It is not one of these models.
    """
    return state, dict(backbone=backbone_config(state))
