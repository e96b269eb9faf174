"""Ends with a norm in eval mode under autocast, where means are large."""

import pytest
import torch
from torch import nn

from eca_mm.backbones.fused_tail import fused_gate, fused_tail
from eca_mm.layers import ECA

C = 64


def modules(dtype=torch.float32) -> tuple[nn.Module, nn.Module]:
    """A norm that has learnt means of ten deviations, and attention."""
    generator = torch.Generator().manual_seed(0)
    norm, attention = nn.BatchNorm2d(C).eval(), ECA(C)
    norm.running_mean.fill_(10.0)
    norm.weight.data.uniform_(0.5, 1.5, generator=generator)
    attention.conv.weight.data.normal_(generator=generator)
    return norm.to(dtype), attention.to(dtype)


def with_relu(u, identity, norm, attention):
    return fused_tail(u, nn.Identity(), norm, attention, identity)


def without(u, identity, norm, attention):
    return fused_gate(u, norm, attention)


@pytest.mark.parametrize('gradients', [False, True])
@pytest.mark.parametrize('end', [with_relu, without])
def test_errs_at_most_twice_as_much_as_the_plain_end(end, gradients):
    """The norm and the gate subtract nearly all there is: in float32, or it is lost."""
    u = (10 + torch.randn(2, C, 5, 4)).bfloat16()
    identity = torch.randn(2, C, 5, 4).bfloat16()

    def plain(u, identity, norm, attention):
        out = attention(norm(u))
        return torch.relu(out + identity) if end is with_relu else out

    exact = plain(u.double(), identity.double(), *modules(torch.float64))
    with torch.autocast('cpu', dtype=torch.bfloat16), torch.set_grad_enabled(gradients):
        ours, theirs = (f(u, identity, *modules()) for f in (end, plain))
    assert ours.dtype == torch.bfloat16
    errors = [float((out.detach().double() - exact).norm()) for out in (ours, theirs)]
    assert errors[0] <= 2 * errors[1]
