"""Backbones under torch.compile: no graph break, equal results, free sizes."""

import warnings

import pytest
import torch
from test_fused_tail import lively, resnet
from torch import nn
from torch._dynamo import testing

from eca_mm.analysis.providers import compile_obstacle
from eca_mm.backbones import ECAResNet

# One stage: tracing takes a second of CPU a block.
STAGE = dict(base_channels=8, num_stages=1, strides=(1,), dilations=(1,))


def eca(depth: int, **kwargs) -> nn.Module:
    return ECAResNet(depth, **STAGE, out_indices=(0,), **kwargs)


CASES = {
    'fused': (lambda: eca(50), True),
    'fused, 18': (lambda: eca(18), True),
    'with_cp': (lambda: eca(18, with_cp=True), False),
    'training-mode norms': (lambda: eca(18, norm_eval=False, frozen_stages=-1), False),
}


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()
    with torch._dynamo.config.patch(error_on_recompile=True):
        yield
    torch._dynamo.reset()


def results_of_block(call, block: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Output of ``call``, and gradients of the image and the block's parameters."""
    x = x.clone().requires_grad_()
    block.zero_grad()
    out = call(x)
    out.square().sum().backward()
    return [out, x.grad, *(p.grad.clone() for p in block.parameters())]


def summed(model: nn.Module):
    """The model with its outputs as one tensor, for :func:`results_of_block`."""
    return lambda x: sum(out.square().mean() for out in model(x))


@pytest.mark.parametrize('name', CASES)
def test_one_graph_for_two_sizes(name):
    """A forward and backward pass each of two batches of different size."""
    build, fuses = CASES[name]
    model = lively(build())
    if name == 'training-mode norms':
        model.train()
    counter = testing.CompileCounterWithBackend('aot_eager')
    # With ``fullgraph`` a break of the graph is an error; sizes are free.
    call = torch.compile(model, fullgraph=True, dynamic=True, backend=counter)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        for shape in ((2, 3, 64, 48), (3, 3, 96, 80)):
            x = torch.randn(shape)
            ours = results_of_block(summed(call), model, x)
            plain = results_of_block(summed(model), model, x)
            for found, value in zip(ours, plain, strict=True):
                torch.testing.assert_close(found, value)
    assert not said
    # Our autograd functions are in the graph where the tail of a block is fused.
    assert ('autograd_function_apply' in counter.graphs[-1].code) == fuses


@pytest.mark.parametrize(
    'backend', ['aot_eager', pytest.param('inductor', marks=pytest.mark.slow)]
)
def test_compiles_without_graph_breaks(backend, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCHINDUCTOR_CACHE_DIR', str(tmp_path))
    obstacle = compile_obstacle('cpu') if backend == 'inductor' else None
    if obstacle:
        pytest.skip(obstacle)
    block = resnet().layer2[1].double()
    compiled = torch.compile(block, fullgraph=True, backend=backend)
    x = torch.randn(2, 64, 4, 4, dtype=torch.float64)
    for found, value in zip(
        results_of_block(compiled, block, x),
        results_of_block(block, block, x),
        strict=True,
    ):
        torch.testing.assert_close(found, value)


def test_compiled_inference_with_channels_last():
    """In c5, where the eager end overwrites the convolution's output."""
    block = resnet().layer4[1].to(memory_format=torch.channels_last)
    compiled = torch.compile(block, fullgraph=True, backend='aot_eager')
    x = torch.randn(2, 256, 4, 4).to(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), block(x))
