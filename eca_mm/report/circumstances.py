"""When and with what figures were made, for results.json and for the report."""

import platform
import sys
from datetime import datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import torch

from eca_mm.environment import commit

# Of this package; installed without one, it may lie within somebody else's.
PACKAGES = ('eca_mm', 'mmdet', 'mmcv', 'torch', 'numpy')


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec='seconds')


def environment() -> dict:
    """Versions, machine and commit of this process."""
    on_gpu = torch.cuda.is_available()
    return dict(
        device=torch.cuda.get_device_name() if on_gpu else platform.machine() + ' CPU',
        commit=commit(),
        versions={name: version_of(name) for name in PACKAGES},
    )


def version_of(package: str) -> str:
    """Version of a package, which is imported only if that alone can tell.

    A fork of MMDetection is installed under another name and imported under the same.
    """
    if package not in sys.modules:
        try:
            return version(package)
        except PackageNotFoundError:
            pass
    return import_module(package).__version__
