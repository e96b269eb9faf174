"""The kernels of a block's end with ECA against the plain operators in float64."""

import pytest
import torch
from ends import assert_close_as_plain, inputs, relative, results, with_gradients

from eca_mm.functional import eca_tail as plain
from eca_mm.kernels.eca_tail import eca_tail
from eca_mm.kernels.tiles import cut_of

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16


@pytest.mark.parametrize(
    ('shape', 'k', 'dtype', 'layout'),
    [
        ((2, 7, 5, 6), 3, F32, 'NCHW'),
        ((3, 1, 1, 1), 5, F32, 'NCHW'),  # more taps than channels
        ((17, 35, 5, 7), 5, F16, 'NCHW'),  # more than a block of images, of channels
        ((1, 2, 130, 130), 3, F32, 'NCHW'),  # an image in pieces, with a rest
        ((1, 65, 12, 13), 9, BF16, 'NHWC'),
        ((1, 258, 2, 65), 7, F32, 'NHWC'),  # pieces, and blocks of channels
    ],
)
def test_errs_at_most_twice_as_much_as_the_plain_operators(shape, k, dtype, layout):
    tensors = inputs(shape, k, dtype, layout)
    assert_close_as_plain(eca_tail, plain, tensors, factor=2, eps=1e-3)


def test_formats():
    """Mixed, and sliced ones: equal to the dense input; the output's is u's."""
    u, identity, *rest = inputs((2, 6, 5, 4), 3)
    expected = eca_tail(u, identity, *rest)
    last = u.detach().to(memory_format=torch.channels_last)
    out = eca_tail(last, identity, *rest)
    assert out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out, expected)
    wide = torch.randn(2, 12, 5, 8, device=u.device)
    wide[:, ::2, :, 1::2] = u.detach()
    sliced = wide[:, ::2, :, 1::2].requires_grad_()
    gradient = torch.randn_like(expected).transpose(2, 3).contiguous().transpose(2, 3)
    found = results(eca_tail, [sliced, identity, *rest], gradient)
    for a, b in zip(
        found, results(eca_tail, [u, identity, *rest], gradient), strict=True
    ):
        assert torch.equal(a, b)


@pytest.mark.parametrize('layout', ['NCHW', 'NHWC'])
def test_is_the_same_every_time_and_in_every_batch(layout):
    u, identity, *rest = inputs((2, 5, 3, 50), 3, layout=layout)
    gradient = torch.randn_like(u)
    whole = results(eca_tail, [u, identity, *rest], gradient)
    for a, b in zip(
        whole, results(eca_tail, [u, identity, *rest], gradient), strict=True
    ):
        assert torch.equal(a, b)
    alone = [x.detach()[1:].requires_grad_() for x in (u, identity)]
    for a, b in zip(
        results(eca_tail, [*alone, *rest], gradient[1:])[:3], whole, strict=False
    ):
        assert torch.equal(a, b[1:])


def test_nan_is_not_hidden():
    u, identity, *rest = inputs((1, 2, 2, 2), 1)
    with torch.no_grad():
        identity[0, 0, 0, 0] = torch.nan
    out = eca_tail(u, identity, *rest)
    assert torch.equal(out.isnan(), identity.isnan())
    assert torch.autograd.grad(out.sum(), identity)[0][0, 0, 0, 0] == 1


def test_sums_do_not_overflow_or_stall_in_half_precision():
    """5000 pixels of 100 pass float16's range; ones stall at 2048 in float16."""
    u, identity, *rest = inputs((1, 2, 50, 100), 1, F16)
    u = torch.full_like(u, 100).requires_grad_()
    identity = torch.full_like(identity, 1000).requires_grad_()
    assert_close_as_plain(eca_tail, plain, [u, identity, *rest])


def test_second_gradients():
    tensors = inputs((2, 5, 3, 4), 3)

    def second(function, tensors):
        out = function(*tensors, factor=2)
        leaves = [x for x in tensors if x.requires_grad]
        (grad,) = torch.autograd.grad(out.square().sum(), leaves[0], create_graph=True)
        return torch.autograd.grad(grad.square().sum(), leaves)

    expected = second(plain, with_gradients([x.double() for x in tensors]))
    for found, value in zip(second(eca_tail, tensors), expected, strict=True):
        assert relative(found, value) < 1e-5


def test_tiles_do_not_depend_on_the_batch():
    assert cut_of(torch.empty(1, 3, 5, 5)) == cut_of(torch.empty(9, 3, 5, 5))
