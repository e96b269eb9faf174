"""One of two ranks of test_mixed_ranks.py: an end by kernels, or by torch's operators.

Prints the relative errors of the gradient of u with ECA's kernels and with those for
any gate, on rank 0; rank 1 is of torch's operators both times.
"""

import sys
from types import ModuleType

import torch
from torch import distributed as dist
from torch import nn

# The package without its __init__, which needs MMDetection and seconds.
sys.modules['eca_mm'] = ModuleType('eca_mm')
sys.modules['eca_mm'].__path__ = [sys.argv[1]]

from eca_mm import fused_norm  # noqa: E402
from eca_mm.functional import eca  # noqa: E402
from eca_mm.kernels import gated_norm  # noqa: E402
from eca_mm.kernels.eca_norm_tail import eca_normed_tail  # noqa: E402

rank = int(sys.argv[3])
dist.init_process_group('gloo', f'file://{sys.argv[2]}', rank=rank, world_size=2)

torch.manual_seed(0)
spread = torch.linspace(0.3, 3, 6)[:, None, None]  # rstd differs by channel
x = torch.randn(4, 6, 3, 4) * spread + 1
identity, gradient = torch.randn(4, 6, 3, 4), torch.randn(4, 6, 3, 4) + 0.3
taps, weight = torch.randn(1, 1, 3), torch.rand(6) + 0.5
own = slice(2 * rank, 2 * rank + 2)


def norm_of(kind: type, dtype: torch.dtype) -> nn.Module:
    norm = kind(6).to(dtype)
    norm.weight.data.copy_(weight)
    return norm


def gate(means):
    return torch.sigmoid(nn.functional.conv1d(means[:, None], taps, padding=1)[:, 0])


def by_torch(u, norm):
    return fused_norm.normed_tail(u, norm, gate, identity[own])


def by_eca_kernels(u, norm):
    return eca_normed_tail(u, norm, taps, identity[own])


def by_gated_kernels(u, norm):
    return gated_norm.normed_tail(u, norm, gate, identity[own])


joined = x.double().requires_grad_()
y = eca(norm_of(nn.BatchNorm2d, torch.float64)(joined), taps.double())
torch.relu(y + identity).backward(gradient.double())
expected = joined.grad[own]
for end in (by_eca_kernels, by_gated_kernels):
    u = x[own].clone().requires_grad_()
    norm = norm_of(nn.SyncBatchNorm, torch.float32)
    (by_torch if rank else end)(u, norm).backward(gradient[own])
    print(float((u.grad - expected).norm() / expected.norm()))
dist.barrier()
dist.destroy_process_group()
