"""Inputs of a block's tail, and its results by any function, for the tests beside it.

Nothing here needs more than torch.
"""

import pytest
import torch
from torch import Tensor

pytest.importorskip('triton')

DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'
FORMATS = {'NCHW': torch.contiguous_format, 'NHWC': torch.channels_last}


def inputs(
    shape: tuple[int, ...], k: int, dtype: torch.dtype = torch.float32, layout='NCHW'
) -> list[Tensor]:
    """u, identity, taps, mean, variance, weight, bias; gates differ by channel."""
    n, c, h, w = shape
    offset = torch.linspace(-3, 3, c)[:, None, None]
    u = torch.randn(shape) + offset
    rest = torch.randn(1, 1, k), torch.randn(c), torch.rand(c) + 0.5
    tensors = [u, torch.randn(shape), *rest, torch.randn(c), torch.randn(c)]
    for i in (0, 1):
        tensors[i] = tensors[i].to(memory_format=FORMATS[layout])
    tensors = [x.to(DEVICE, dtype) for x in tensors[:3]] + [
        x.to(DEVICE) for x in tensors[3:]
    ]
    return with_gradients(tensors)


def with_gradients(tensors: list[Tensor]) -> list[Tensor]:
    """Leaves of a new graph; all but the statistics want gradients."""
    return [x.detach().requires_grad_(i not in (3, 4)) for i, x in enumerate(tensors)]


def results(
    function, tensors: list[Tensor], gradient: Tensor, **kwargs
) -> list[Tensor]:
    """The output, and the gradients of all that want one."""
    out = function(*tensors, **kwargs)
    leaves = [x for x in tensors if x.requires_grad]
    options = dict(allow_unused=True, materialize_grads=True)
    return [out, *torch.autograd.grad(out, leaves, gradient.to(out.dtype), **options)]


def assert_close_as_plain(ours, plain, tensors: list[Tensor], **kwargs) -> None:
    """Errors against float64 at most twice those of the plain operators.

    In bfloat16 four times: the interpreter cuts off the bits that a GPU rounds.
    """
    exact = with_gradients([x.double() for x in tensors])
    reference = plain(*exact, **kwargs).detach()
    # Close to zero the roundings choose which side of the ReLU is taken.
    gradient = torch.randn_like(reference) * (reference > 0.1)
    gradient = gradient.to(tensors[0].dtype)
    expected = results(plain, exact, gradient, **kwargs)
    cuts = DEVICE == 'cpu' and tensors[0].dtype == torch.bfloat16
    factor = 4 if cuts else 2
    errors = [
        [relative(x, y) for x, y in zip(found, expected, strict=True)]
        for found in (
            results(ours, tensors, gradient, **kwargs),
            results(plain, with_gradients(tensors), gradient, **kwargs),
        )
    ]
    for mine, theirs in zip(*errors, strict=True):
        assert mine < factor * theirs + 3e-6


def relative(found: Tensor, expected: Tensor) -> float:
    difference = (found.detach().double() - expected.detach()).norm()
    return float(difference / expected.detach().norm().clamp(min=1e-30))
