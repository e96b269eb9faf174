"""Efficient channel attention (ECA-Net, CVPR 2020) for OpenMMLab and plain torch.

Importing this package registers its parts: plugins in the mmengine root registry,
backbones, hooks and MMDetection 1.x's rules where MMDetection finds them, and the
checkpoint schemes ``ecanet://`` and ``ecanet-coco://``.

Without MMDetection, ``functional``, ``layers``, ``fused``, ``fused_norm`` and
``kernels`` work with torch alone; if mmengine is installed, the plugins are registered.
"""

import sys
from importlib import import_module

from .spinning import spin_briefly

# Whether this process runs one of our own commands.
_command = getattr(sys.modules.get('eca_mm_start'), 'running', False)
if _command:
    spin_briefly()  # before anything below imports torch

from .host import check_host, installed  # noqa: E402

__version__ = '0.1.0'
PARTS = (
    'backbones', 'checkpoints', 'engine', 'evaluation', 'layers', 'mmdet_v1', 'report',
)  # fmt: skip
__all__ = ['adaptive_kernel_size', *PARTS]
# Modules that register something when they are imported.
REGISTERING = (
    'layers.registered', 'backbones', 'mmdet_v1', 'registry',
    'checkpoints.roads', 'checkpoints.store',
    'engine.broken_images', 'engine.checkpoint', 'engine.exact_resume',
    'engine.fold_norms', 'engine.load_report_hook', 'engine.loss_guard', 'engine.stop',
    'evaluation.coco_metric', 'report.hook',
)  # fmt: skip


def register() -> None:
    """Register everything, which takes as long as importing MMDetection does.

    Raises:
        ImportError: MMDetection or one of its requirements is missing or has the wrong
            version. The message says how to fix it.
    """
    check_host()  # before the imports below fail deep inside the host
    for module in REGISTERING:
        import_module(f'.{module}', __name__)


def __getattr__(name: str):
    """Import a part at its first use."""
    if name == 'adaptive_kernel_size':
        return import_module('.functional', __name__).adaptive_kernel_size
    if name in PARTS:
        return import_module(f'.{name}', __name__)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


# Our own commands check their arguments before they import the host.
if not _command:
    if installed('mmdet'):
        register()
    elif installed('mmengine'):
        import_module('.layers.registered', __name__)
