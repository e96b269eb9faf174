"""The layouts of published weights, one module each, and how to tell them apart.

Each module has ``matches(state) -> bool`` and ``convert(state) -> (state, meta)``;
``state`` is the bare state dict, as :mod:`eca_mm.checkpoints.convert` makes it.
"""

import re
from types import ModuleType

from . import ecanet, mmdet_v1, mmpretrain, timm, torchvision
from .rename import State
from .safe import CheckpointError

LAYOUTS: dict[str, ModuleType] = {
    'ecanet': ecanet,
    'mmdet-v1': mmdet_v1,
    'timm': timm,
    'mmpretrain': mmpretrain,
    'torchvision': torchvision,
}

# Published weights that fit no model here: a name that only they have, and why.
REFUSED = {
    r'\.cbam\.(ChannelGate|SpatialGate)\.': 'these are weights of the official CBAM '
    '(Jongchan/attention-module): its MLPs have biases and a batch norm follows its '
    "spatial convolution, which the CBAM here, with the parameters of ECA-Net's Table "
    '3, does not have',
}


def find_layout(state: State, name: str = 'auto') -> str:
    """Name of the layout that a state dict has.

    Args:
        name: A layout to insist on, or 'auto'.

    Raises:
        CheckpointError: No layout or more than one fits, or not the one asked for; or
            it is one of REFUSED.
    """
    for pattern, reason in REFUSED.items():
        if any(re.search(pattern, key) for key in state):
            raise CheckpointError(reason)
    fitting = [known for known, layout in LAYOUTS.items() if layout.matches(state)]
    if name != 'auto' and name in fitting:
        return name
    if name != 'auto' or len(fitting) != 1:
        found = ' and '.join(fitting) or 'none'
        raise CheckpointError(
            f'of the layouts {", ".join(LAYOUTS)} its tensors '
            f'({", ".join(list(state)[:2])} ...) fit {found}, asked for was {name}'
        )
    return fitting[0]
