"""Efficient channel attention (ECA-Net, CVPR 2020) for OpenMMLab.

Importing this package registers its parts: plugins in the mmengine root registry,
backbones, hooks and MMDetection 1.x's rules where MMDetection finds them, and the
checkpoint schemes ``ecanet://`` and ``ecanet-coco://``.
"""

from .host import check_host

check_host()  # before the imports below fail deep inside the host

from . import (  # noqa: E402
    backbones,
    checkpoints,
    engine,
    evaluation,
    layers,
    mmdet_v1,
)
from .functional import adaptive_kernel_size  # noqa: E402

__version__ = '0.1.0'
__all__ = [
    'adaptive_kernel_size',
    'backbones',
    'checkpoints',
    'engine',
    'evaluation',
    'layers',
    'mmdet_v1',
]
