"""Synchronised norms in fused tails: ranks on gloo against one process with all images.

torch's own SyncBatchNorm rejects tensors of the CPU, so no plain path is beside it.
"""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

C, H, W = 6, 4, 5
SIZES = (3, 1)  # images of the ranks
STEPS = 3


def case(dtype: torch.dtype) -> dict:
    """A norm that is not trivial, taps, and inputs by rank, whose statistics differ."""
    norm = nn.BatchNorm2d(C, dtype=dtype)
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.normal_(norm.bias)
    means = torch.linspace(1, 3, C)[:, None, None]

    def parts(offset=0.0):
        return [
            (torch.randn(n, C, H, W) + offset * (rank + 1)).to(dtype)
            for rank, n in enumerate(SIZES)
        ]

    steps = [
        dict(u=parts(means), identity=parts(), gradient=parts()) for _ in range(STEPS)
    ]
    taps = torch.randn(1, 1, 3).to(dtype)
    return dict(channels=C, dtype=dtype, norm=norm.state_dict(), taps=taps, steps=steps)


def joined(case: dict) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Output and gradients of the last step by plain operators, and the buffers."""
    norm = nn.BatchNorm2d(C, dtype=case['dtype'])
    norm.load_state_dict(case['norm'])
    taps = case['taps'].clone().requires_grad_()
    for step in case['steps']:
        u, identity = (
            torch.cat(step[name]).requires_grad_() for name in ('u', 'identity')
        )
        y = norm(u)
        logits = torch.conv1d(y.mean((2, 3))[:, None], taps, padding=1)[:, 0]
        out = torch.relu(torch.sigmoid(logits)[..., None, None] * y + identity)
        leaves = [u, identity, norm.weight, norm.bias, taps]
        grads = torch.autograd.grad(out, leaves, torch.cat(step['gradient']))
    return [out.detach(), *grads], list(norm.buffers())


def by_ranks(case: dict, folder: Path) -> list[dict]:
    """What each rank found."""
    torch.save(case, folder / 'case.pt')
    script = Path(__file__).with_name('sync_rank.py')
    command = [sys.executable, str(script)]
    ranks = [
        subprocess.Popen([*command, str(rank), str(len(SIZES)), str(folder)])
        for rank in range(len(SIZES))
    ]
    try:
        assert [rank.wait(timeout=300) for rank in ranks] == [0] * len(SIZES)
    finally:
        for rank in ranks:  # one whose peer failed would wait for it
            rank.kill()
            rank.wait()
    return [
        torch.load(folder / f'{rank}.pt', weights_only=True)
        for rank in range(len(SIZES))
    ]


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_ranks_equal_one_process(dtype, tmp_path):
    """Outputs, gradients and running statistics; the ranks have 3 images and 1."""
    batch = case(dtype)
    found = by_ranks(batch, tmp_path)
    values, buffers = joined(batch)
    by_rank = list(zip(*(rank['values'] for rank in found), strict=True))
    ours = [torch.cat(parts) for parts in by_rank[:3]]  # output, u, identity
    ours += [sum(parts) for parts in by_rank[3:]]  # which DDP averages
    for mine, expected in zip(ours, values, strict=True):
        torch.testing.assert_close(mine, expected)
    for rank in found:
        for mine, expected in zip(rank['buffers'], buffers, strict=True):
            torch.testing.assert_close(mine, expected)
        assert rank['calls'] == ['all_gather', 'all_reduce'] * STEPS
