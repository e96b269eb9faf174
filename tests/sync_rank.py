"""One of the ranks that share a batch, for test_fused_sync.py.

Called with its rank, the number of ranks and a folder with the inputs, ``case.pt``;
what it finds is saved there as ``RANK.pt``.
"""

import sys
import types
from pathlib import Path

import torch
from torch import distributed as dist

# The package without what it registers, which takes ten seconds to import.
package = types.ModuleType('eca_mm')
package.__path__ = [str(Path(__file__).parents[1] / 'eca_mm')]
sys.modules['eca_mm'] = package

from eca_mm.fused_norm import normed_tail  # noqa: E402


def counted(name: str, calls: list[str]) -> None:
    """Note the calls of a collective."""
    collective = getattr(dist, name)

    def call(*args, **kwargs):
        calls.append(name)
        return collective(*args, **kwargs)

    setattr(dist, name, call)


def main() -> None:
    rank, ranks, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=ranks
    )
    calls = []
    for name in ('all_gather', 'all_reduce'):
        counted(name, calls)
    case = torch.load(folder / 'case.pt', weights_only=True)
    norm = torch.nn.SyncBatchNorm(case['channels'], dtype=case['dtype'])
    norm.load_state_dict(case['norm'])
    taps = case['taps'].requires_grad_()
    for step in case['steps']:
        u, identity = (step[name][rank].requires_grad_() for name in ('u', 'identity'))
        out = normed_tail(u, norm, lambda y: gate(y, taps), identity)
        leaves = [u, identity, norm.weight, norm.bias, taps]
        grads = torch.autograd.grad(out, leaves, step['gradient'][rank])
    found = dict(
        values=[out.detach(), *grads], buffers=list(norm.buffers()), calls=calls
    )
    torch.save(found, folder / f'{rank}.pt')
    dist.destroy_process_group()


def gate(y: torch.Tensor, taps: torch.Tensor) -> torch.Tensor:
    """ECA's, from means (N, C)."""
    return torch.sigmoid(torch.conv1d(y[:, None], taps, padding=1))[:, 0]


if __name__ == '__main__':
    main()
