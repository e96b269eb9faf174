"""Times of a block's end on a GPU, its convolution left out: ours, torch's, Inductor's.

    python benchmarks/gpu_kernels.py OUT.csv [--cases NAME ...] [--rounds 8]

GPU time is that of a CUDA graph's replay, in which nothing waits for the host; eager
time has the launches in it. "floor" is what the bytes that must move at least (forward:
u, the identity and the output once; backward: the output's gradient, the output and u,
and two gradients) take at the speed of a copy on the same card.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
import triton
from torch import Tensor, nn

from eca_mm.environment import commit, device_name
from eca_mm.files import write_csv
from eca_mm.functional import adaptive_kernel_size, eca
from eca_mm.kernels.eca_norm_tail import eca_normed_tail
from eca_mm.kernels.eca_tail import eca_tail

STAGES = {'c2': 256, 'c3': 512, 'c4': 1024, 'c5': 2048}
# Name: images, height and width of c2's maps, whether the norm learns.
CASES = {
    'detection': (2, 200, 304, False),
    'imagenet': (64, 56, 56, True),
    'detection_learning': (2, 200, 304, True),
}
# As models without autocast are run, and under it in the format that cuDNN likes best.
KINDS = {
    'contiguous': (torch.float32, torch.contiguous_format),
    'channels_last': (torch.float16, torch.channels_last),
}


def no_attention(u: Tensor, identity: Tensor, taps: Tensor, norm: nn.Module) -> Tensor:
    return torch.relu_(norm(u).add_(identity))


def naive(u: Tensor, identity: Tensor, taps: Tensor, norm: nn.Module) -> Tensor:
    return torch.relu_(eca(norm(u), taps).add_(identity))


def ours(u: Tensor, identity: Tensor, taps: Tensor, norm: nn.Module) -> Tensor:
    if norm.training:
        return eca_normed_tail(u, norm, taps, identity)
    statistics = norm.running_mean, norm.running_var
    return eca_tail(u, identity, taps, *statistics, norm.weight, norm.bias, norm.eps)


WAYS = {
    'plain': no_attention,
    'naive ECA': naive,
    'ours': ours,
    'plain, Inductor': no_attention,
    'naive ECA, Inductor': naive,
}


def copy_speed() -> float:
    """GB/s of a large copy, bytes read and written."""
    x = torch.randn(2**28, device='cuda')
    y = torch.empty_like(x)
    ms = triton.testing.do_bench(lambda: y.copy_(x), return_mode='median')
    return 2 * x.nbytes / ms / 1e6


def runs(
    way: Callable, u: Tensor, identity: Tensor, taps: Tensor, norm: nn.Module
) -> dict[str, Callable[[], object]]:
    leaves = [u, identity, taps, norm.weight, norm.bias]
    gradient = torch.randn_like(u)

    def step() -> object:
        out = way(u, identity, taps, norm)
        # One that is not used: the plain end has no taps.
        return torch.autograd.grad(out, leaves, gradient, allow_unused=True)

    @torch.no_grad()
    def forward() -> object:
        return way(u, identity, taps, norm)

    return {'forward': forward, 'forward and backward': step}


def measure(
    case: str, stage: str, kind: str, rounds: int, speed: float
) -> Iterator[dict]:
    n, height, width, learns = CASES[case]
    c, shrink = STAGES[stage], 2 ** list(STAGES).index(stage)
    shape = n, c, -(-height // shrink), -(-width // shrink)
    dtype, layout = KINDS[kind]
    torch.manual_seed(0)
    place = dict(device='cuda', dtype=dtype)
    u, identity = (
        torch.randn(shape, **place).to(memory_format=layout).requires_grad_()
        for _ in range(2)
    )
    taps = torch.randn(1, 1, adaptive_kernel_size(c), **place).requires_grad_()
    norm = nn.BatchNorm2d(c).cuda().train(learns)
    torch.compiler.reset()
    for name, way in WAYS.items():
        if name.endswith('Inductor'):
            way = torch.compile(way, dynamic=False)
        for what, run in runs(way, u, identity, taps, norm).items():
            passes = 3 if what == 'forward' else 8
            run()
            gpu = triton.testing.do_bench_cudagraph(
                run, rep=rounds, return_mode='median'
            )
            eager = triton.testing.do_bench(
                run, warmup=5, rep=rounds, return_mode='median'
            )
            yield dict(
                case=case, stage=stage, shape='x'.join(map(str, shape)),
                dtype=str(dtype).removeprefix('torch.'), memory_format=kind,
                way=name, measure=what, gpu_us=round(1e3 * gpu, 1),
                eager_us=round(1e3 * eager, 1),
                floor_us=round(passes * u.nbytes / speed / 1e3, 1),
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path)
    parser.add_argument('--cases', nargs='+', choices=CASES, default=list(CASES))
    parser.add_argument('--rounds', type=int, default=8, help='ms (default: 8)')
    args = parser.parse_args()
    speed = copy_speed()
    about = dict(
        copy_gb_s=round(speed), device=device_name('cuda'), torch=torch.__version__,
        triton=triton.__version__, commit=commit(),
    )  # fmt: skip
    rows = []
    one = partial(measure, rounds=args.rounds, speed=speed)
    for case in args.cases:
        for stage in STAGES:
            for kind in KINDS:
                rows += [row | about for row in one(case, stage, kind)]
            write_csv(args.out, rows)  # at once: a GPU may be there for minutes


if __name__ == '__main__':
    main()
