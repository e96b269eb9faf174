"""Fused tails step aside under transforms of a forward, and batched gradients work."""

import pytest
import torch
from test_fused_tail import fused_calls, resnet, unfused  # noqa: F401 (a fixture)
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, vmap

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def parameters(block):
    return {name: value.detach() for name, value in block.named_parameters()}


def by_vmap(block, x):
    return vmap(block)(torch.stack([x, x + 1]))


def by_grad(block, x):
    return grad(lambda x: block(x).square().sum())(x)


def by_grad_of_parameters(block, x):
    """The input looks plain here, only parameters are wrapped."""

    def loss(parameters):
        return functional_call(block, parameters, (x,)).square().sum()

    found = grad(loss)(parameters(block))
    return torch.cat([found[name].flatten() for name in sorted(found)])


def by_jvp(block, x):
    return torch.stack(jvp(block, (x,), (torch.ones_like(x),)))


def by_jacrev(block, x):
    return jacrev(lambda y: block(x + y).sum((2, 3)))(x.new_zeros(x.shape[1], 1, 1))


def by_jacfwd(block, x):
    return jacfwd(lambda y: block(x + y).sum((2, 3)))(x.new_zeros(x.shape[1], 1, 1))


def by_dual_input(block, x):
    with forward_ad.dual_level():
        out = block(forward_ad.make_dual(x, torch.ones_like(x)))
        return forward_ad.unpack_dual(out).tangent


def by_dual_parameters(block, x):
    with forward_ad.dual_level():
        duals = {
            name: forward_ad.make_dual(value, torch.ones_like(value))
            for name, value in parameters(block).items()
        }
        return forward_ad.unpack_dual(functional_call(block, duals, (x,))).tangent


TRANSFORMS = [
    by_vmap, by_grad, by_grad_of_parameters, by_jvp, by_jacrev, by_jacfwd,
    by_dual_input, by_dual_parameters,
]  # fmt: skip


def subject(depth, layout):
    """A block, the same one without fusion, and an input."""
    block = resnet(depth).double().to(memory_format=layout).layer2[1]
    channels = block.conv1.in_channels
    x = torch.randn(2, channels, 5, 4, dtype=torch.float64)
    return block, unfused(block), x.to(memory_format=layout)


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('transform', TRANSFORMS, ids=lambda f: f.__name__)
def test_a_transformed_block_is_plain(transform, depth, fused_calls):  # noqa: F811
    """And fused before and after."""
    block, plain, x = subject(depth, LAYOUTS[0])
    block(x)
    assert len(fused_calls) == 1
    found = transform(block, x)
    assert len(fused_calls) == 1
    torch.testing.assert_close(found, transform(plain, x))
    block(x)
    assert len(fused_calls) == 2


def first_gradients(block, x, **kwargs):
    """Of the input and all parameters, for three gradients of the output at once."""
    x = x.clone().requires_grad_()
    leaves = [x, *block.parameters()]
    out = block(x)
    torch.manual_seed(1)
    found = torch.autograd.grad(
        out, leaves, torch.randn(3, *out.shape).to(out), is_grads_batched=True, **kwargs
    )
    return leaves, found


def batched(block, x):
    return first_gradients(block, x)[1]


def first_batched_then_second(block, x):
    leaves, found = first_gradients(block, x, create_graph=True)
    return torch.autograd.grad(sum(g.square().mean() for g in found), leaves)


def second_batched(block, x):
    x = x.clone().requires_grad_()
    leaves = [x, *block.parameters()]
    first = torch.autograd.grad(block(x).square().sum(), leaves, create_graph=True)
    flat = torch.cat([g.flatten() for g in first])
    torch.manual_seed(1)
    directions = torch.randn(3, *flat.shape).to(flat)
    return torch.autograd.grad(flat, leaves, directions, is_grads_batched=True)


def vectorised_hessian(block, x):
    offset = x.new_zeros(x.shape[1], 1, 1)
    return torch.autograd.functional.hessian(
        lambda y: block(x + y).square().sum(), offset, vectorize=True
    ).unbind()


def backward_in_vmap(block, x):
    """Of a graph that was made outside; ``is_grads_batched`` is another mechanism."""
    x = x.clone().requires_grad_()
    leaves, out = [x, *block.parameters()], block(x)
    torch.manual_seed(1)
    gradients = torch.randn(3, *out.shape).to(out)
    return vmap(lambda g: torch.autograd.grad(out, leaves, g))(gradients)


GRADIENTS = [
    batched, first_batched_then_second, second_batched, vectorised_hessian,
    backward_in_vmap,
]  # fmt: skip


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('gradients', GRADIENTS, ids=lambda f: f.__name__)
def test_batched_gradients(gradients, depth, layout, fused_calls):  # noqa: F811
    block, plain, x = subject(depth, layout)
    found = gradients(block, x)
    assert fused_calls == ['gated_tail' if depth == 18 else 'gated_projection']
    for ours, expected in zip(found, gradients(plain, x), strict=True):
        torch.testing.assert_close(ours, expected)
