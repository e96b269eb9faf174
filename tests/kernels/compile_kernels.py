"""Compile the kernels of a block's end for an H100, where there need be none.

Run by test_gpu_code.py in a process without the interpreter, which accepts more than
the compiler does. Prints a line for each kernel: its name, the bytes that its threads
spill, and the 16-byte loads in it.
"""

import re
import sys
from types import ModuleType, SimpleNamespace

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

# The package without its __init__, which needs MMDetection and seconds.
sys.modules['eca_mm'] = ModuleType('eca_mm')
sys.modules['eca_mm'].__path__ = [sys.argv[1]]

from eca_mm.kernels.eca_norm_tail import eca_normed_tail  # noqa: E402
from eca_mm.kernels.eca_tail import eca_tail  # noqa: E402
from eca_mm.kernels.gated_norm import normed_tail  # noqa: E402
from eca_mm.kernels.tail import gated_tail  # noqa: E402

driver.set_active(
    SimpleNamespace(
        get_current_target=lambda: GPUTarget('cuda', 90, 32),
        get_current_device=lambda: 0,
        get_current_stream=lambda device: 0,
    )
)
launch = JITFunction.run


def compile_only(kernel, *args, grid, warmup, **kwargs):
    compiled = launch(kernel, *args, grid=grid, warmup=True, **kwargs)
    # Through the cache of constant memory it may not be read: it may be overwritten.
    assert 'ld.global.nc' not in compiled.asm['ptx']
    stores = re.findall(r'\bst\.local|\bld\.local', compiled.asm['ptx'])
    loads = re.findall(r'ld\.global\.v4\.b32', compiled.asm['ptx'])
    print(kernel.fn.__name__, len(stores), len(loads))


JITFunction.run = compile_only


def empty(*shape, dtype=torch.float32):
    return torch.empty(shape, dtype=dtype, device='meta', requires_grad=True)


# A 1 among the integers is a constant to the compiler: each makes its own programs.
ONES = [
    (1, 32, 5, 6),  # images
    (2, 32, 1, 1),  # pixels
    (2, 1, 5, 6),  # channels
    (2, 32, 145, 113),  # pixels in an image's last piece
]


def compile_ends(u: torch.Tensor, k: int) -> None:
    """All ends of ``u``, with ``k`` taps."""
    gradient, channels = torch.empty_like(u), u.shape[1]
    learning = torch.nn.BatchNorm2d(channels, device='meta')
    eca_normed_tail(u, learning, empty(1, 1, k), u).backward(gradient)
    normed_tail(u, learning, torch.sigmoid, u).backward(gradient)
    norm = [empty(channels) for _ in range(4)]
    eca_tail(u, u, empty(1, 1, k), *norm).backward(gradient)


for shape in ONES:
    compile_ends(empty(*shape), k=1)
compile_ends(empty(1, 1, 1, 2), k=3)

# 50 x 76 pixels, of stage 3 at 800 x 1216, are a multiple of 8 and not of 16.
u = empty(2, 256, 50, 76, dtype=torch.bfloat16)
norm = [empty(256) for _ in range(4)]
eca_tail(u, u, empty(1, 1, 5), *norm).backward(torch.empty_like(u))
last = u.detach().to(memory_format=torch.channels_last).requires_grad_()
factors = empty(2, 256), empty(2, 256)
gated_tail(last, *factors, last).backward(torch.empty_like(last))
learning = torch.nn.BatchNorm2d(256, device='meta')
many = last.repeat(1, 1, 2, 2).to(memory_format=torch.channels_last)  # in pieces
for x in (u, many):
    eca_normed_tail(x, learning, empty(1, 1, 5), x).backward(torch.empty_like(x))
