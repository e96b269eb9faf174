"""Lets torchvision be imported where its operators cannot be loaded.

A remedy for test environments, no part of the product. torchvision's wheel is a CUDA
build; on a CPU build of torch its compiled operators do not load, and its import then
ends with "operator torchvision::nms does not exist", because it describes the outputs
of operators that nobody declared. Declared here, without an implementation, they let
torchvision, and with it mmpretrain and timm, be imported; whoever calls one of them
gets torch's error. Where the real operators load nothing is declared.

Python runs this file at its start when its folder is on PYTHONPATH.
"""

import importlib.util
from pathlib import Path

DESCRIBED = ('nms', 'qnms')  # in torchvision 0.28's _meta_registrations.py


def declare_operators():
    """Declare the operators. Returns their library: they live as long as it does."""
    import torch

    spec = importlib.util.find_spec('torchvision')
    try:
        torch.ops.load_library(str(Path(spec.origin).with_name('_C.so')))
    except OSError:  # built for another torch, or for a CUDA that is not here
        library = torch.library.Library('torchvision', 'DEF')
        for name in DESCRIBED:
            library.define(f'{name}(Tensor boxes, Tensor scores, float iou) -> Tensor')
        return library


if importlib.util.find_spec('torchvision') and importlib.util.find_spec('torch'):
    library = declare_operators()
