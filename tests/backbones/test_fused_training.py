"""Blocks whose norms learn from the batch, with a fused tail and without."""

import copy

import pytest
import torch
from mmdet.models.backbones.resnet import ResNet
from test_fused_tail import (  # noqa: F401 (one is a fixture)
    ATTENTIONS,
    OBSTACLES,
    distance,
    fused_calls,
    resnet,
    results,
    results_under_ddp,
    unfused,
)
from test_fused_transforms import GRADIENTS, LAYOUTS, TRANSFORMS
from torch import nn
from torch.nn import functional as F

from eca_mm.analysis.cost import saved_bytes
from eca_mm.backbones import ECAResNet


@pytest.fixture
def image():
    return torch.randn(2, 3, 64, 48)


def learning(depth=50, attention=ATTENTIONS[0], **kwargs) -> nn.Module:
    """A ResNet with all its norms in training mode."""
    model = resnet(depth, attention, norm_eval=False, frozen_stages=-1, **kwargs)
    model.train()  # which the host lets return nothing
    return model


def subject(depth=50, layout=LAYOUTS[0], dtype=torch.float64):
    """A block, the same one without fusion, and an input whose channels differ."""
    block = learning(depth).to(dtype).to(memory_format=layout).layer2[1]
    channels = block.conv1.in_channels
    x = torch.randn(2, channels, 5, 4) + torch.arange(channels)[:, None, None] / 8
    return block, unfused(block), x.to(dtype).to(memory_format=layout)


@pytest.mark.parametrize('attention', ATTENTIONS, ids=lambda cfg: cfg['type'])
@pytest.mark.parametrize(('depth', 'blocks'), [(18, 8), (50, 16)])
def test_equals_the_plain_path(depth, blocks, attention, image, fused_calls):  # noqa: F811
    """In float64: outputs, the gradients of everything, and what the norms learnt."""
    model = learning(depth, attention).double()
    plain = unfused(model)
    keys = list(plain.state_dict())
    ours, expected = (results(m, image.double()) for m in (model, plain))
    assert fused_calls == ['normed_tail'] * blocks
    for found, value in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-6, atol=1e-9)
    state = model.state_dict()
    assert list(state) == keys
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(state[name], value)


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('dtype', [None, torch.bfloat16])
def test_errs_at_most_twice_as_much_as_the_plain_path(depth, dtype, image):
    """Over all outputs and gradients, against float64."""
    model = learning(depth)
    exact = results(unfused(model).double(), image.double())
    plain = distance(results(unfused(model), image, dtype), exact)
    ours = distance(results(model, image, dtype), exact)
    assert sum(ours) < 2 * sum(plain)


@pytest.mark.parametrize('momentum', [0.1, None])
@pytest.mark.parametrize('depth', [18, 50])
def test_running_statistics_after_20_steps(depth, momentum):
    """Of a block's norms, bit for bit."""
    block, _, _ = subject(depth)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum
    plain = unfused(block)
    for _ in range(20):
        x = torch.randn(2, block.conv1.in_channels, 5, 4, dtype=torch.float64)
        block(x), plain(x)
    for found, value in zip(block.buffers(), plain.buffers(), strict=True):
        assert torch.equal(found, value)


@pytest.mark.parametrize('obstacle', OBSTACLES, ids=lambda f: f.__name__)
def test_takes_the_plain_path(obstacle, fused_calls):  # noqa: F811
    """From the moment the obstacle is there; running statistics are no condition."""
    block, _, x = subject(dtype=torch.float32)
    block(x)
    assert fused_calls == ['normed_tail']
    obstacle(block)
    fuses = obstacle.__name__ in ('no_statistics', 'no_running_mean')
    plain = unfused(block)
    exact = unfused(block).double()(x.double())
    found, expected = (m(x.clone().requires_grad_()) for m in (block, plain))
    assert len(fused_calls) == 1 + fuses
    if fuses:
        errors = ((out - exact).abs().max() for out in (found, expected))
        assert next(errors) < 2 * next(errors) + 1e-6
    else:
        assert torch.equal(found, expected)


@pytest.mark.parametrize('transform', TRANSFORMS, ids=lambda f: f.__name__)
def test_a_transformed_block_is_plain(transform, fused_calls):  # noqa: F811
    block, _, x = subject()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):  # vmap rejects to update statistics
            module.track_running_stats, module.running_mean = False, None
            module.running_var = None
    found = transform(block, x)
    assert fused_calls == []
    torch.testing.assert_close(found, transform(unfused(block), x))
    block(x)
    assert fused_calls == ['normed_tail']


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('gradients', GRADIENTS, ids=lambda f: f.__name__)
def test_batched_and_second_gradients(gradients, depth, layout, fused_calls):  # noqa: F811
    block, plain, x = subject(depth, layout)
    found = gradients(block, x)
    assert fused_calls == ['normed_tail']
    for ours, expected in zip(found, gradients(plain, x), strict=True):
        torch.testing.assert_close(ours, expected)


def test_channels_last(image, fused_calls):  # noqa: F811
    model = learning().double().to(memory_format=torch.channels_last)
    image = image.double().to(memory_format=torch.channels_last)
    ours, expected = (results(m, image) for m in (model, unfused(model)))
    assert fused_calls
    assert all(o.is_contiguous(memory_format=torch.channels_last) for o in ours[:4])
    for found, value in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, value)


def test_under_ddp(image, fused_calls, tmp_path):  # noqa: F811
    """Its hooks see every gradient once, those of gates and norms too."""
    model = learning()
    expected = results(copy.deepcopy(model), image)
    found = results_under_ddp(model, image, tmp_path)
    assert fused_calls == ['normed_tail'] * 32
    for ours, value in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, value, rtol=1e-4, atol=1e-6)


def test_saves_hardly_more_than_the_host():
    """u and the output, as the host; and tensors of (N, C)."""
    image = torch.randn(2, 3, 224, 224)
    for depth in (18, 50):
        kwargs = dict(base_channels=16, norm_eval=False, frozen_stages=-1)
        model, host = ECAResNet(depth, **kwargs), ResNet(depth, **kwargs)
        model.train(), host.train()
        ours, plain, naive = (
            saved_bytes(m, image) for m in (model, host, unfused(model))
        )
        assert ours <= 1.004 * plain < 1.1 * plain < naive


def test_200_steps_from_scratch():
    """Losses with and without part by no more than those of reordered images."""
    torch.manual_seed(1)
    images, labels = torch.randn(16, 3, 24, 24), torch.arange(16) % 4
    images += labels[:, None, None, None] / 4
    model = learning(50, num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,))
    head = nn.Linear(32, 4)

    def losses(model, order):
        model, fc = copy.deepcopy(model), copy.deepcopy(head)
        optimizer = torch.optim.SGD([*model.parameters(), *fc.parameters()], 0.01, 0.9)
        found = []
        for _ in range(200):
            logits = fc(model(images[order])[-1].mean((2, 3)))
            loss = F.cross_entropy(logits, labels[order])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return torch.tensor(found)

    order, other = torch.arange(16), torch.randperm(16)
    plain = losses(unfused(model), order)
    reordered, ours = losses(unfused(model), other), losses(model, order)
    assert plain[-1] < 0.5 * plain[0]
    assert (ours - plain).abs().max() <= 2 * (reordered - plain).abs().max() + 1e-4
