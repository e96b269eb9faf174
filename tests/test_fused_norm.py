"""The fused tail with a norm that learns from the batch, against plain operators."""

import copy

import pytest
import torch
from torch import nn

from eca_mm.fused_norm import normed_tail
from eca_mm.layers import ECA, SE

N, C, H, W = 2, 4, 3, 3
WIDE = 64  # channels where errors are averaged
LAYOUTS = [torch.contiguous_format, torch.channels_last]
GATES = {
    'ECA': lambda c: ECA(c, kernel_size=3),
    'identity_init': lambda c: ECA(c, kernel_size=3, identity_init=True),
    'SE': lambda c: SE(c, reduction=2, bias=True),
}


class End(nn.Module):
    """relu(attention(norm(u)) + identity), fused or plain."""

    def __init__(self, gate='ECA', channels=C):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        nn.init.uniform_(self.norm.weight, 0.5, 1.5)
        nn.init.normal_(self.norm.bias)
        self.attention = GATES[gate](channels)
        for parameter in self.attention.parameters():
            nn.init.normal_(parameter)

    def forward(self, u, identity):
        return normed_tail(u, self.norm, self.attention.gate, identity)

    def plain(self, u, identity):
        return torch.relu(self.attention(self.norm(u)) + identity)


def inputs(dtype=torch.float64, layout=LAYOUTS[0], mean=1.0, std=1.0, channels=C):
    """u and identity, leaves; the channels' means differ, so that all gates do."""
    shape = N, channels, H, W
    means = torch.linspace(mean, 3 * mean, channels, dtype=torch.float64)
    u = std * torch.randn(shape, dtype=torch.float64) + means[:, None, None]
    u[0] += std  # images differ, too
    both = u, torch.randn(shape, dtype=torch.float64)
    return [x.to(dtype).to(memory_format=layout).requires_grad_() for x in both]


@pytest.mark.parametrize('gate', GATES)
@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize(
    'check', [torch.autograd.gradcheck, torch.autograd.gradgradcheck]
)
def test_gradients(check, layout, gate):
    """First and second ones, of both inputs and of all parameters."""
    end, args = End(gate).double(), inputs(layout=layout)
    leaves = [*args, *end.parameters()]
    assert check(lambda *leaves: end(*leaves[:2]), leaves)


def results(function, end, args, gradient, create_graph=False):
    out = function(*args)
    leaves = [*args, *end.parameters()]
    return [out, *torch.autograd.grad(out, leaves, gradient, create_graph=create_graph)]


@pytest.mark.parametrize('gate', GATES)
@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
def test_equals_the_plain_operators(layout, gate):
    end, args = End(gate).double(), inputs(layout=layout)
    gradient = torch.randn(N, C, H, W, dtype=torch.float64)
    found, expected = (results(f, end, args, gradient) for f in (end, end.plain))
    assert found[0].is_contiguous(memory_format=layout)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    written = results(end, end, args, gradient, create_graph=True)
    for ours, theirs in zip(written, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize('strides', ['expanded', 'transposed', 'NHWC'])
def test_gradients_in_any_format(strides):
    end, args = End().double(), inputs()
    gradient = torch.randn(N, C, H, W, dtype=torch.float64)
    gradient = {
        'expanded': torch.tensor(2.0, dtype=torch.float64).expand(N, C, H, W),
        'transposed': torch.randn(N, C, W, H, dtype=torch.float64).mT,
        'NHWC': gradient.to(memory_format=torch.channels_last),
    }[strides]
    for ours, theirs in zip(
        results(end, end, args, gradient),
        results(end.plain, end, args, gradient),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_what_needs_no_gradient_gets_none():
    """u and the norm frozen, the gates not; and everything the other way round."""
    end, (u, identity) = End().double(), inputs()
    taps = end.attention.conv.weight
    expected = torch.autograd.grad(end.plain(u, identity).sum(), [u, taps])
    end.norm.requires_grad_(False)
    out = end(u.detach(), identity.detach())
    torch.testing.assert_close(torch.autograd.grad(out.sum(), taps)[0], expected[1])
    end.requires_grad_(False)
    out = end(u, identity.detach())
    torch.testing.assert_close(torch.autograd.grad(out.sum(), u)[0], expected[0])
    assert not end(u.detach(), identity.detach()).requires_grad


SPREADS = [(1.0, 1.0), (1e3, 1.0), (1e3, 1e-2), (1e-3, 1e-4)]


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize(('mean', 'std'), SPREADS)
def test_errs_at_most_twice_as_much_as_the_plain_operators(mean, std, layout):
    """In float32 against float64: the output and all gradients, of six ends."""
    # (6, 2, results): of the fused tail and of the plain operators
    errors = torch.tensor([end_errors(mean, std, layout) for _ in range(6)])
    for mine, torchs in zip(*errors.mean(0).tolist(), strict=True):
        assert mine < 2 * torchs + 1e-6


def end_errors(mean, std, layout):
    """Of the fused tail and of the plain operators."""
    end = End(channels=WIDE)
    low = inputs(torch.float32, layout, mean, std, WIDE)
    exact = copy.deepcopy(end).double()
    high = [x.detach().double().requires_grad_() for x in low]
    reference = exact.plain(*high)
    # Close to zero the roundings choose which side of the ReLU is taken.
    gradient = torch.randn_like(reference) * (reference > 0.1)
    expected = results(exact.plain, exact, high, gradient)
    return [
        [
            float((a.detach().double() - b.detach()).norm() / b.detach().norm())
            for a, b in zip(
                results(function, end, low, gradient.float()), expected, strict=True
            )
        ]
        for function in (end, end.plain)
    ]


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    """Of a convolution's output, with gradients in the parameters' own dtype."""
    end, args = End(), inputs(torch.float32)
    u, identity = (x.detach().to(dtype).requires_grad_() for x in args)
    with torch.autocast('cpu', dtype=dtype):
        out, plain = end(u, identity), end.plain(u, identity)
    assert out.dtype == u.dtype == plain.dtype
    torch.testing.assert_close(out, plain, rtol=2**-5, atol=2**-5)
    leaves = [u, identity, *end.parameters()]
    gradient = torch.randn_like(out)
    for ours, theirs in zip(
        torch.autograd.grad(out, leaves, gradient),
        torch.autograd.grad(plain, leaves, gradient),
        strict=True,
    ):
        assert ours.dtype == theirs.dtype
        assert (ours - theirs).norm() < 0.05 * theirs.norm()


def test_one_value_a_channel_is_torchs_error():
    end, (u, identity) = End().double(), inputs()
    one = u[:1, :, :1, :1], identity[:1, :, :1, :1]
    messages = []
    for function in (end, end.plain):
        with pytest.raises(ValueError, match='more than 1 value per channel') as error:
            function(*one)
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert not int(end.norm.num_batches_tracked) > 1


def test_infinity_stays():
    """As in plain operators, or a diverging run would be seen a step later."""
    end, (u, identity) = End(), inputs(torch.float32)
    identity.data[0, 0, 0, 0] = torch.inf
    assert end(u, identity)[0, 0, 0, 0] == torch.inf
