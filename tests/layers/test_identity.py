"""identity_init: attention that begins as the identity, in a layer and in a network."""

import pytest
import torch
from mmdet.models.backbones.resnet import ResNet
from mmdet.registry import MODELS
from torch import nn

from eca_mm.layers import ECA, SE

C = 32
LAYERS = {
    'ECA': lambda **kwargs: ECA(C, kernel_size=5, **kwargs),
    'SE': lambda **kwargs: SE(C, **kwargs),
    'SE, bias': lambda **kwargs: SE(C, bias=True, **kwargs),
}
SE_PLUGIN = dict(cfg=dict(type='SE', identity_init=True), position='after_conv3')


@pytest.fixture(params=LAYERS)
def build(request):
    return LAYERS[request.param]


@pytest.fixture
def x():
    offset = torch.linspace(-2, 2, C)[torch.randperm(C)]
    return torch.randn(2, C, 3, 4) + offset[:, None, None]


def test_is_the_identity_at_first_and_not_without_the_option(build, x):
    assert torch.equal(build(identity_init=True)(x), x)
    assert not torch.allclose(build()(x), x, rtol=0.1)


def test_gates_are_twice_the_plain_ones_of_the_same_weights(build, x):
    plain, ours = build(), build(identity_init=True)
    ours.load_state_dict(plain.state_dict())
    assert torch.equal(ours(x), 2 * plain(x))
    means = x.mean((2, 3))
    torch.testing.assert_close(ours(x), x * ours.gate(means)[:, :, None, None])


def test_one_step_moves_the_gates_away_from_one(build, x):
    layer = build(identity_init=True)
    layer(x).square().sum().backward()
    last = layer.conv if isinstance(layer, ECA) else layer.fc2
    for parameter in last.parameters():
        assert (parameter.grad != 0).any()
    torch.optim.SGD(layer.parameters(), lr=0.1).step()
    assert not torch.allclose(layer(x), x, rtol=1e-3)


@pytest.mark.parametrize('training', [False, True], ids=['eval', 'train'])
@pytest.mark.parametrize(
    'ours',
    [
        dict(type='ECAResNet', depth=18, identity_init=True),
        dict(type='ECAResNet', depth=50, identity_init=True, kernel_sizes=(3, 5, 5, 7)),
        dict(type='PluginResNet', depth=50, plugins=[SE_PLUGIN]),
    ],
    ids=['ECA-18', 'ECA-50', 'SE-50'],
)
def test_a_network_with_plain_weights_is_the_plain_network(ours, training, tmp_path):
    """Bit for bit, and so is the gradient of every weight that both have."""
    plain = ResNet(ours['depth'], base_channels=16, norm_eval=False)
    plain.init_weights()
    for norm in plain.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.weight.data.uniform_(0.5, 1.5)
            norm.running_mean.normal_(0, 0.1)
    path = tmp_path / 'plain.pth'
    torch.save(plain.state_dict(), path)
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    model = MODELS.build(
        dict(
            ours,
            base_channels=16,
            norm_eval=False,
            fused_tail=False,  # which rounds otherwise
            init_cfg=init_cfg,
        )
    )
    model.init_weights()
    image = torch.randn(2, 3, 64, 48)
    for network in (plain, model):
        network.train(training)
        sum(out.square().sum() for out in network(image)).backward()
    for out, expected in zip(model(image), plain(image), strict=True):
        assert torch.equal(out, expected)
    gradients = {name: p.grad for name, p in model.named_parameters()}
    for name, parameter in plain.named_parameters():
        assert torch.equal(gradients[name], parameter.grad), name


@pytest.mark.parametrize('depth', [18, 50])
def test_initial_weights_of_the_host_leave_the_zeros(depth):
    """Without a checkpoint mmdet draws the convolutions again."""
    model = MODELS.build(dict(type='ECAResNet', depth=depth, identity_init=True))
    before = model.layer1[0].conv1.weight.clone()
    model.init_weights()
    assert not torch.equal(model.layer1[0].conv1.weight, before)
    taps = [m.conv.weight for m in model.modules() if isinstance(m, ECA)]
    assert taps and not any(weight.any() for weight in taps)
