"""The fused tail of a block against the plain operators, by value and by gradient."""

import pytest
import torch
from torch.nn import functional as F

from eca_mm.fused import channel_means, gated_projection, gated_tail

N, C, K, H, W = 2, 3, 5, 4, 3


def plain(x, weight, scale, shift, identity):
    """relu(scale * conv1x1(x) + shift + identity), operator by operator."""
    u = F.conv2d(x, weight)
    branch = u * scale.to(u.dtype)[..., None, None] + shift.to(u.dtype)[..., None, None]
    return torch.relu(branch + identity)


def projected_tail(x, weight, scale, shift, identity):
    return gated_tail(F.conv2d(x, weight), scale, shift, identity)


FUSED = [gated_projection, projected_tail]


def inputs(dtype=torch.float64, layout=torch.contiguous_format):
    """x, weight, scale, shift, identity; leaves of a graph."""
    shapes = [(N, C, H, W), (K, C, 1, 1), (N, K), (N, K), (N, K, H, W)]
    tensors = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    tensors[0] = tensors[0].to(memory_format=layout)
    tensors[4] = tensors[4].to(memory_format=layout)
    return [tensor.to(dtype).requires_grad_() for tensor in tensors]


@pytest.mark.parametrize('fused', FUSED)
def test_gradients(fused):
    assert torch.autograd.gradcheck(fused, inputs())


@pytest.mark.parametrize('fused', FUSED)
def test_second_gradients(fused):
    assert torch.autograd.gradgradcheck(fused, inputs())


@pytest.mark.parametrize(
    'check', [torch.autograd.gradcheck, torch.autograd.gradgradcheck]
)
def test_means(check):
    x = inputs()[0]
    torch.testing.assert_close(channel_means(x), x.mean((2, 3)))
    assert check(channel_means, x)
    assert channel_means(x.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('fused', FUSED)
def test_values_and_layout(fused, layout):
    args = inputs(layout=layout)
    out, expected = fused(*args), plain(*args)
    torch.testing.assert_close(out, expected)
    assert out.is_contiguous(memory_format=layout)
    gradient = torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad(out, args, gradient),
        torch.autograd.grad(expected, args, gradient),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
    # The inputs tell a wrong tail: without the shift it differs.
    args[3] = torch.zeros(N, K, dtype=torch.float64)
    assert not torch.allclose(fused(*args), expected, rtol=0.02)


@pytest.mark.parametrize('fused', FUSED)
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_errs_at_most_twice_as_much_as_the_plain_operators(fused, dtype):
    torch.manual_seed(1)
    shapes = [(4, 64, 9, 7), (96, 64, 1, 1), (4, 96), (4, 96), (4, 96, 9, 7)]
    exact = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    exact[1] /= 8
    low = [tensor.to(dtype).requires_grad_() for tensor in exact]
    exact = [tensor.detach().double().requires_grad_() for tensor in low]
    reference = plain(*exact)
    # Close to zero the roundings choose which side of the ReLU is taken.
    gradient = torch.randn_like(reference) * (reference > 0.1)
    expected = [reference, *torch.autograd.grad(reference, exact, gradient)]

    def errors(function):
        out = function(*low)
        gradients = torch.autograd.grad(out, low, gradient.to(dtype))
        return [
            float((found.double() - value).norm() / value.norm())
            for found, value in zip([out, *gradients], expected, strict=True)
        ]

    for ours, theirs in zip(errors(fused), errors(plain), strict=True):
        assert ours < 2 * theirs + 1e-7


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_returns_what_a_convolution_would(dtype):
    args = inputs(torch.float32)
    with torch.autocast('cpu', dtype=dtype):
        out = gated_projection(*args)
    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), plain(*args), rtol=2**-5, atol=2**-5)
    out.float().square().sum().backward()
    assert all(arg.grad.dtype == torch.float32 for arg in args)
    with torch.autocast('cpu', dtype=dtype):
        assert gated_projection(*inputs()).dtype == torch.float64
