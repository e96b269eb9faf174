"""The kernels of a tail with any gate whose norm learns, against float64."""

import pytest
import torch
from tails import relative
from test_eca_norm import BF16, CASES, F32, in_float64, results, subject

from eca_mm.kernels.gated_norm import normed_tail


def gate_of(taps, factor):
    """Gates that no kernel knows: a channel's by itself."""
    return lambda y: factor * torch.sigmoid(y * taps.sum())


def ours(u, norm, taps, identity, factor):
    return normed_tail(u, norm, gate_of(taps, factor), identity)


def plain(u, norm, taps, identity, factor):
    y = norm(u)
    gate = gate_of(taps, factor)(y.mean((2, 3)))[..., None, None]
    return torch.relu(gate * y + identity)


@pytest.mark.parametrize('mean', [0.0, 1000.0])
@pytest.mark.parametrize(
    ('shape', 'k', 'dtype', 'layout'), [CASES[0], CASES[1], CASES[4]]
)
def test_errs_at_most_twice_as_much_as_the_plain_operators(
    shape, k, dtype, layout, mean
):
    if mean and dtype != F32:
        pytest.skip('a mean of 1000 leaves nothing of a deviation of 1 there')
    mine, theirs = (subject(shape, k, dtype, layout, mean) for _ in range(2))
    exact = in_float64(*mine)
    reference = plain(*in_float64(*mine), 2.0)
    gradient = (torch.randn_like(reference) * (reference > 0.1)).detach().to(dtype)
    found = [results(f, x, gradient) for f, x in ((ours, mine), (plain, theirs))]
    factor = 4 if mine[0].device.type == 'cpu' and dtype == BF16 else 2
    rest = 3e-6 + 6e-8 * mean  # a mean in float32, see test_eca_norm.py
    for a, b, value in zip(*found, results(plain, exact, gradient), strict=True):
        assert relative(a, value) < factor * relative(b, value) + rest


@pytest.mark.parametrize('batched', [False, True])
def test_second_and_batched_gradients(batched):
    def gradients(function):
        u, bn, taps, identity = subject((2, 6, 5, 4), 3, F32, 'NCHW')
        out = function(u, bn, taps, identity, 2.0)
        leaves = [u, identity, taps, bn.weight, bn.bias]
        if batched:
            torch.manual_seed(1)
            many = torch.randn(3, *out.shape, device=u.device)
            return torch.autograd.grad(out, leaves, many, is_grads_batched=True)
        (first,) = torch.autograd.grad(out.square().sum(), u, create_graph=True)
        return torch.autograd.grad(first.square().sum(), leaves)

    for found, value in zip(gradients(ours), gradients(plain), strict=True):
        assert relative(found, value) < 2e-5
