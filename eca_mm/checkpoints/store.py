"""The checkpoint scheme ``ecanet://NAME``: ImageNet weights of ECA-Net, kept locally.

The folder is ``$ECA_MM_HOME``, by default ``checkpoints/`` below the working
directory, and ``ecanet://resnet50`` is the file ``eca_resnet50.pth`` in it. The
authors' files (https://github.com/BangguWu/ECANet) can be put there as they are: their
keys are those of our backbones.
"""

import os
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader

PREFIX = 'ecanet://'
NAMES = ('resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152')


def resolve(url: str) -> Path:
    """The local file of an ``ecanet://`` address.

    Raises:
        ValueError: There is no model of that name.
        FileNotFoundError: The file is not there; the message says how to get it.
    """
    name = url.removeprefix(PREFIX)
    if name not in NAMES:
        raise ValueError(f'{url}: the names after {PREFIX} are {", ".join(NAMES)}')
    path = Path(os.environ.get('ECA_MM_HOME', 'checkpoints')) / f'eca_{name}.pth'
    if not path.is_file():
        raise FileNotFoundError(
            f'{url} is not at {path}: download the ImageNet model of '
            'https://github.com/BangguWu/ECANet and save it there'
        )
    return path


@CheckpointLoader.register_scheme(prefixes=PREFIX)
def load_from_ecanet(filename: str, map_location=None) -> dict:
    """Load an ``ecanet://`` checkpoint; called by mmengine's CheckpointLoader."""
    return torch.load(resolve(filename), map_location=map_location, weights_only=True)
