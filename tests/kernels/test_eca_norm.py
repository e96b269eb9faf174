"""The kernels of a block's end whose norm learns, against float64 and torch's norm."""

import copy

import pytest
import torch
from ends import DEVICE, FORMATS, relative
from mmdet.registry import MODELS
from torch import distributed as dist
from torch import nn

from eca_mm.functional import eca
from eca_mm.kernels import eca_norm_tail, norm
from eca_mm.kernels.eca_norm_tail import eca_normed_tail
from eca_mm.kernels.tiles import splits

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16
# (N, C, H, W), taps, dtype, format
CASES = [
    ((2, 7, 5, 6), 3, F32, 'NCHW'),
    ((17, 35, 5, 7), 5, F16, 'NCHW'),  # more than a block of images, of channels
    ((2, 2, 130, 130), 3, F32, 'NCHW'),  # images in pieces, with a rest
    ((2, 65, 12, 13), 9, BF16, 'NHWC'),
    ((1, 258, 2, 65), 7, F32, 'NHWC'),  # pieces, and blocks of channels
]


def plain(u, norm, taps, identity, factor):
    return torch.relu(factor * eca(norm(u), taps) + identity)


def subject(shape, k, dtype, layout, mean=0.0, momentum=0.1):
    """u, norm, taps, identity; gates differ by channel, and images by their means."""
    n, c = shape[:2]
    torch.manual_seed(0)
    offset = torch.linspace(-3, 3, c)[:, None, None] + torch.arange(n).view(-1, 1, 1, 1)
    u, identity = torch.randn(shape) + offset + mean, torch.randn(shape)
    maps = (x.to(DEVICE, dtype, memory_format=FORMATS[layout]) for x in (u, identity))
    bn = nn.BatchNorm2d(c, eps=1e-3, momentum=momentum).to(DEVICE)
    nn.init.normal_(bn.weight)
    nn.init.normal_(bn.bias)
    u, identity = (x.requires_grad_() for x in maps)
    taps = torch.randn(1, 1, k, device=DEVICE).to(dtype).requires_grad_()
    return u, bn, taps, identity


def in_float64(u, bn, taps, identity):
    tensors = (x.detach().double().requires_grad_() for x in (u, taps, identity))
    u, taps, identity = tensors
    return u, copy.deepcopy(bn).double(), taps, identity


def results(function, subject, gradient):
    """The output, all gradients, and what the norm has learnt."""
    u, bn, taps, identity = subject
    out = function(u, bn, taps, identity, 2.0)
    leaves = [u, identity, taps, bn.weight, bn.bias]
    grads = torch.autograd.grad(out, leaves, gradient.to(out.dtype))
    return [out, *grads, bn.running_mean, bn.running_var]


@pytest.mark.parametrize('mean', [0.0, 100.0])
@pytest.mark.parametrize(('shape', 'k', 'dtype', 'layout'), CASES)
def test_errs_at_most_twice_as_much_as_the_plain_operators(
    shape, k, dtype, layout, mean
):
    if mean and dtype != F32:
        pytest.skip('a mean of 100 leaves nothing of a deviation of 1 there')
    ours = subject(shape, k, dtype, layout, mean)
    theirs, exact = subject(shape, k, dtype, layout, mean), in_float64(*ours)
    reference = plain(*copy.deepcopy(exact[:2]), *exact[2:], 2.0)
    gradient = (torch.randn_like(reference) * (reference > 0.1)).detach().to(dtype)
    exact = results(plain, exact, gradient)
    mine = results(eca_normed_tail, ours, gradient)
    theirs = results(plain, theirs, gradient)
    assert mine[0].dtype == dtype and mine[0].stride() == ours[0].stride()
    # The interpreter cuts off the bits of bfloat16 that a GPU rounds.
    factor = 4 if DEVICE == 'cpu' and dtype == BF16 else 2
    # The mean is kept in float32, as torch's is on a GPU; on the CPU it has it wider.
    rest = 3e-6 + 6e-8 * mean
    for found, other, value in zip(mine, theirs, exact, strict=True):
        assert relative(found, value) < factor * relative(other, value) + rest


@pytest.mark.parametrize('momentum', [0.3, None])
def test_running_statistics_after_5_steps(momentum):
    u, bn, taps, identity = subject((2, 5, 4, 6), 3, F32, 'NCHW', momentum=momentum)
    other = copy.deepcopy(bn)
    for _ in range(5):
        x = torch.randn_like(u) * 3 + 50
        eca_normed_tail(x, bn, taps, identity), other(x)
    for found, value in zip(bn.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(found, value, rtol=1e-5, atol=1e-6)


def test_one_value_a_channel_is_refused_as_by_torch():
    tensors = subject((1, 3, 1, 1), 1, F32, 'NCHW')
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        eca_normed_tail(*tensors)


@pytest.mark.parametrize('batched', [False, True])
def test_second_and_batched_gradients(batched):
    shape = (2, 6, 5, 4)
    ours, theirs = (subject(shape, 3, F32, 'NCHW') for _ in range(2))

    def gradients(function, subject):
        u, bn, taps, identity = subject
        out = function(u, bn, taps, identity, 2.0)
        leaves = [u, identity, taps, bn.weight, bn.bias]
        if batched:
            torch.manual_seed(1)
            many = torch.randn(3, *out.shape, device=DEVICE)
            return torch.autograd.grad(out, leaves, many, is_grads_batched=True)
        (first,) = torch.autograd.grad(out.square().sum(), u, create_graph=True)
        return torch.autograd.grad(first.square().sum(), leaves)

    found, expected = gradients(eca_normed_tail, ours), gradients(plain, theirs)
    for mine, value in zip(found, expected, strict=True):
        assert relative(mine, value) < 2e-5


def test_shares_of_ranks(monkeypatch, tmp_path):
    """A group of one rank that exchanges: as without it."""
    backend = 'nccl' if DEVICE == 'cuda' else 'gloo'
    store = f'file://{tmp_path}/store'
    dist.init_process_group(backend, store, rank=0, world_size=1)
    try:
        results_of = []
        for group in (None, dist.group.WORLD):
            monkeypatch.setattr(
                eca_norm_tail.fused_norm, 'ranks_of', lambda norm, group=group: group
            )
            tensors = subject((3, 6, 5, 4), 3, F32, 'NCHW')
            gradient = torch.ones_like(tensors[0])
            results_of.append(results(eca_normed_tail, tensors, gradient))
    finally:
        dist.destroy_process_group()
    for alone, exchanged in zip(*results_of, strict=True):
        torch.testing.assert_close(exchanged, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('depth', [18, 50])
def test_a_block_takes_them(depth, monkeypatch):
    """With 'triton' and the norms in training mode; float64 is left to torch."""

    def block(how, kind='ECA'):
        place = 'after_conv3' if depth == 50 else 'after_conv2'
        config = dict(
            type='PluginResNet', depth=depth, base_channels=4, norm_eval=False
        )
        plugins = [dict(cfg=dict(type=kind), position=place)]
        if kind == 'SE':
            plugins[0]['cfg']['reduction'] = 4
        torch.manual_seed(0)
        model = MODELS.build(config | dict(plugins=plugins, fused_tail=how))
        return model.layer2[1].to(DEVICE).train()

    calls, learn = [], norm.learn
    monkeypatch.setattr(
        eca_norm_tail, 'learn', lambda *args: calls.append(args) or learn(*args)
    )
    ours, theirs = block('triton'), block(False)
    for module in (*ours.modules(), *theirs.modules()):
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.weight, 0.5)
    x = torch.randn(3, ours.conv1.in_channels, 6, 5, device=DEVICE)
    found, expected = (model(x) for model in (ours, theirs))
    assert len(calls) == 1
    assert relative(found, expected) < 1e-5
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
    ours.double()(x.double())
    assert len(calls) == 1


def test_pieces_are_there_in_the_cases():
    assert [splits(torch.empty(shape)) for shape, *_ in CASES] == [1, 1, 2, 1, 1]
