"""The kernels for any gate, and where backbones take kernels."""

import pytest
import torch
from ends import DEVICE, assert_close_as_plain, inputs, relative
from mmdet.registry import MODELS
from torch import nn

from eca_mm import fused, kernels
from eca_mm.backbones import fused_tail
from eca_mm.kernels import eca_tail, tail
from eca_mm.kernels.pool import add_up, channel_means
from eca_mm.kernels.tail import gated_tail


@pytest.fixture(autouse=True)
def without_tf32(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)


def by(means, tail):
    """An end whose gates are not ECA's, from the same inputs."""

    def end(u, identity, taps, mean, variance, weight, bias):
        gate = torch.sigmoid(means(u).to(weight.dtype) * weight + bias)
        return tail(u, gate * weight, gate * bias, identity)

    return end


@pytest.mark.parametrize('layout', ['NCHW', 'NHWC'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_errs_at_most_twice_as_much_as_the_plain_operators(dtype, layout):
    tensors = inputs((2, 5, 7, 25), 1, dtype, layout)
    ours, plain = (
        by(channel_means, gated_tail),
        by(fused.channel_means, fused.gated_tail),
    )
    assert_close_as_plain(ours, plain, tensors)


def test_sums_of_many_pieces():
    """More than one block: images of more than 32768 pixels, with channels last."""
    sums = torch.randn(2, 300, 17, device=DEVICE)
    found = add_up(sums, torch.empty(2, 17, device=DEVICE))
    torch.testing.assert_close(found, sums.sum(1), rtol=1e-5, atol=1e-5)


def block(fused_tail, attention):
    plugins = [dict(cfg=attention, position='after_conv3')]
    config = dict(type='PluginResNet', depth=50, base_channels=4, plugins=plugins)
    torch.manual_seed(0)
    found = MODELS.build(config | dict(fused_tail=fused_tail)).layer1[1].to(DEVICE)
    for module in found.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            module.eval()
    return found


@pytest.mark.parametrize(
    ('attention', 'kernel'),
    [
        (dict(type='ECA', kernel_size=3), (eca_tail, 'eca_tail')),
        (dict(type='ECA', kernel_size=3, identity_init=True), (eca_tail, 'eca_tail')),
        (dict(type='SE', reduction=4), (tail, 'gated_tail')),
    ],
)
def test_a_block_takes_them(attention, kernel, monkeypatch):
    """The same outputs and gradients as without, by the kernels meant for its gates."""
    ours, plain = block('triton', attention), block(False, attention)
    plain.load_state_dict(ours.state_dict())
    calls, function = [], getattr(*kernel)
    monkeypatch.setattr(*kernel, lambda *args: calls.append(kernel) or function(*args))
    x = torch.randn(2, 16, 5, 4, device=DEVICE)
    for found, expected in zip(both(ours, x), both(plain, x), strict=True):
        assert relative(found, expected) < 1e-5
    assert calls == [kernel]
    ours.double()(x.double())
    assert calls == [kernel]  # float64 is left to the plain operators


def both(block, x):
    x = x.clone().requires_grad_()
    out = block(x)
    out.square().sum().backward()
    return [out, x.grad, *(p.grad for p in block.parameters())]


@pytest.mark.parametrize('reduction', [None, 4], ids=['ECA', 'SE'])
@pytest.mark.parametrize('by_vmap', [False, True])
def test_batched_gradients(reduction, by_vmap):
    """Three at once, as one after the other."""
    attention = dict(type='ECA', kernel_size=3, identity_init=True)
    model = block('triton', dict(type='SE', reduction=4) if reduction else attention)
    x = torch.randn(2, 16, 5, 4, device=DEVICE, requires_grad=True)
    leaves, out = [x, *model.parameters()], model(x)
    gradients = torch.randn(3, *out.shape, device=DEVICE)

    def backward(gradient, **kwargs):
        return torch.autograd.grad(out, leaves, gradient, retain_graph=True, **kwargs)

    one_by_one = zip(*map(backward, gradients), strict=True)
    if by_vmap:
        found = torch.vmap(backward)(gradients)
    else:
        found = backward(gradients, is_grads_batched=True)
    for ours, expected in zip(found, one_by_one, strict=True):
        assert relative(ours, torch.stack(expected)) < 1e-5


def test_autocast():
    model = block('triton', dict(type='ECA', kernel_size=3))
    x = torch.randn(1, 16, 3, 4, device=DEVICE)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        out = model(x)
    assert out.dtype == torch.bfloat16
    assert relative(out.float(), model(x)) < 0.02
    out.float().sum().backward()
    assert all(p.grad.dtype == torch.float32 for p in model.parameters())


def test_the_switch(monkeypatch):
    with pytest.raises(ValueError, match="'torch' or 'triton': 'cuda'"):
        MODELS.build(dict(type='ECAResNet', depth=18, fused_tail='cuda'))
    monkeypatch.setattr(fused_tail.kernels, 'installed', lambda: False)
    with pytest.raises(ValueError, match='not installed'):
        MODELS.build(dict(type='ECAResNet', depth=18, fused_tail='triton'))
    assert MODELS.build(dict(type='ECAResNet', depth=18)).layer1[0].fused_tail is True


def test_tensors_that_are_left_to_the_plain_operators(monkeypatch):
    monkeypatch.setenv('TRITON_INTERPRET', '1')
    assert kernels.serve(torch.empty(1, 2, 3, 3))
    assert not kernels.serve(torch.empty(1, 2, 3, 3, dtype=torch.float64))
    assert not kernels.serve(torch.empty(0, 2, 3, 3))
    monkeypatch.delenv('TRITON_INTERPRET')
    assert not kernels.serve(torch.empty(1, 2, 3, 3))


def test_which_tensors_are_theirs(monkeypatch):
    """By default those on a GPU where they run; the interpreter is asked for."""
    monkeypatch.setenv('TRITON_INTERPRET', '1')
    x = torch.empty(1, 2, 3, 3)
    found = [kernels.chosen(x, how) for how in (True, False, 'torch', 'triton')]
    assert found == [False, False, False, True]
    gpu = type('GPU', (), dict(is_cuda=True, dtype=x.dtype, numel=x.numel))()
    gpu.device = torch.device('cuda', 0)
    monkeypatch.setitem(kernels.probe.causes, (gpu.device, x.dtype), None)
    found = [kernels.chosen(gpu, how) for how in (True, False, 'torch', 'triton')]
    assert found == [True, False, False, True]
