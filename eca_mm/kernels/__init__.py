"""Triton kernels for the end of a residual block, with the signatures of plain torch.

``eca.eca_tail`` is that of :mod:`eca_mm.functional`, ``pool.channel_means`` and
``tail.gated_tail`` are those of :mod:`eca_mm.fused`. Those modules import Triton, this
one does not: without it nothing else is missing. Sums are float32, in an order that
depends on the shape of an image only, so that results are the same in every run and in
every batch. By what they take on an H100, which is in docs/gpu.md, they were kept, and
ECA's are on by default where they run; other block sizes were not tried. Where they do
not run, :mod:`.probe` finds out.

The modules of this folder need nothing but torch and Triton, like
:mod:`eca_mm.functional`: they can be measured where MMDetection is not installed.
"""

import os

import torch
from torch import Tensor

from .probe import cause, installed, usable

__all__ = ['chosen', 'installed', 'serve', 'usable']

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def chosen(x: Tensor, how: bool | str) -> bool:
    """Whether an end of ``x`` is the kernels' by a block's ``fused_tail``.

    True takes them on a GPU where they run, 'triton' also in the interpreter on the
    CPU, 'torch' nowhere.

    Raises:
        RuntimeError: 'triton' asks for them on a GPU where they do not run.
    """
    if how not in (True, 'triton') or not serve(x):
        return False
    if how == 'triton':
        if x.is_cuda and (why := cause(x.device, x.dtype)):
            raise RuntimeError(f"fused_tail='triton' on {x.device}: {why}")
        return True
    return x.is_cuda and usable(x.device, x.dtype)


def serve(x: Tensor) -> bool:
    """Whether the kernels compute with ``x``, where Triton is installed.

    They do with float32 and narrower on a GPU, and on the CPU in Triton's interpreter
    (TRITON_INTERPRET=1, for tests). Compiled models are left to torch.compile, which
    fuses the plain operators into kernels of its own.
    """
    return (
        not torch.compiler.is_compiling()
        and (x.is_cuda or os.environ.get('TRITON_INTERPRET') == '1')
        and x.dtype in DTYPES
        and x.numel() > 0
    )
