"""mmpretrain's classifiers: SE-ResNet, plain ResNet, and our own backbones in them.

``backbone.`` comes before each name; names as of mmpretrain 1.2.0.
"""

from .architecture import backbone_config
from .rename import State, flatten_se, rename

TABLE = [
    (r'^backbone\.', ''),
    (r'\.se_layer\.conv([12])\.conv\.', r'.se.fc\1.'),
]


def matches(state: State) -> bool:
    """Whether there is a backbone and nothing else; convert.py takes the head off."""
    return bool(state) and all(key.startswith('backbone.') for key in state)


def convert(state: State) -> tuple[State, dict]:
    """State dict of our backbone, and its config.

    Raises:
        CheckpointError: It is not one of these models.
    """
    state = flatten_se(rename(state, TABLE))
    return state, dict(backbone=backbone_config(state))
