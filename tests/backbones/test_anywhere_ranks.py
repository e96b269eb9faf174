"""WithAttention under DistributedDataParallel: two ranks on gloo."""

import multiprocessing
from pathlib import Path

import torch
from small_hosts import SWIN, attended, inputs, trained
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

HOST = dict(SWIN, drop_path_rate=0.0, frozen_stages=1)  # no norm that sees the batch


def backward(model: nn.Module, images: Tensor) -> None:
    sum(out.square().mean() for out in model(images)).backward()


def run_rank(rank: int, folder: Path, model: nn.Module, images: Tensor) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2
    )
    # Without find_unused_parameters: a frozen stage's attention has no gradient.
    backward(DistributedDataParallel(model), images[rank, None])
    grads = {name: p.grad for name, p in model.named_parameters()}
    torch.save(grads, folder / f'{rank}.pt')
    distributed.destroy_process_group()


def test_two_ranks_have_the_gradient_of_both_images(tmp_path):
    model, images = attended(HOST, ['SwinBlock', 'stages']), inputs(HOST)
    trained(model)
    context = multiprocessing.get_context('fork')  # spares them the imports
    ranks = [
        context.Process(target=run_rank, args=(rank, tmp_path, model, images))
        for rank in range(2)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(120)
        assert process.exitcode == 0
    backward(model, images)
    found = [
        torch.load(tmp_path / f'{rank}.pt', weights_only=True) for rank in range(2)
    ]
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == (not parameter.requires_grad), name
        for grads in found:
            if parameter.grad is None:
                assert grads[name] is None
            else:
                wanted = parameter.grad
                torch.testing.assert_close(grads[name], wanted, rtol=1e-3, atol=1e-6)
