"""Folded norms: equal results, and what has to stay as it is."""

import copy

import pytest
import torch
from mmcv.cnn import ConvModule
from mmdet.models.backbones.resnet import ResNet
from test_fused_tail import lively
from torch import nn

from eca_mm.backbones import ECAMobileNetV2, ECAResNet, PluginResNet
from eca_mm.backbones.fold import describe, fold_norms

NON_LOCAL = dict(
    cfg=dict(type='NonLocal2d'), position='after_block', blocks=((), (), (-2,), ())
)
MODELS = {
    'plain': (lambda: ResNet(50, base_channels=8), dict(folded=53)),
    'deep stem': (
        lambda: ResNet(50, base_channels=8, stem_channels=8, deep_stem=True),
        dict(folded=55),
    ),
    # The stem, two norms a block and four shortcuts; the last norm a block is fused.
    'ECA': (lambda: ECAResNet(50, base_channels=8), dict(folded=37, fused=16)),
    'ECA, 18': (lambda: ECAResNet(18, base_channels=8), dict(folded=12, fused=8)),
    'ECA, unfused': (
        lambda: ECAResNet(50, base_channels=8, fused_tail=False),
        dict(folded=53),
    ),
    'NL': (
        lambda: PluginResNet(50, base_channels=8, plugins=[NON_LOCAL]),
        dict(folded=53),
    ),
    'MobileNetV2': (lambda: ECAMobileNetV2(widen_factor=0.25), dict(folded=52)),
    'GN': (
        lambda: ResNet(18, base_channels=8, norm_cfg=dict(type='GN', num_groups=2)),
        dict(GroupNorm=20),
    ),
    'SyncBN': (
        lambda: ResNet(18, base_channels=8, norm_cfg=dict(type='SyncBN')),
        dict(folded=20),
    ),
}


@pytest.mark.parametrize('name', MODELS)
@torch.no_grad()
def test_equal_results(name):
    """In float64; a norm that is not folded right moves them by far more."""
    build, counts = MODELS[name]
    model = lively(build()).double()
    model.eval()
    image = torch.randn(2, 3, 64, 48, dtype=torch.float64)
    expected = model(image)
    assert fold_norms(model) == counts
    for found, value in zip(model(image), expected, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-9, atol=1e-9)


def conv_and_norm() -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)


def several_norms_share_a_convolution():
    conv, norm = conv_and_norm()
    return nn.ModuleList([nn.Sequential(conv, norm), nn.Sequential(conv, *[norm])])


def norm_before_convolution():
    order = ('norm', 'conv', 'act')
    return ConvModule(4, 4, 3, norm_cfg=dict(type='BN'), order=order)


def activation_between():
    conv, norm = conv_and_norm()
    return nn.Sequential(conv, nn.ReLU(), norm)


def training_mode():
    return nn.Sequential(*conv_and_norm())


def batch_statistics():
    return nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4, track_running_stats=0))


def weight_changes_in_forward():
    return ConvModule(
        4, 4, 3, conv_cfg=dict(type='ConvWS'), norm_cfg=dict(type='BN'), bias=False
    )


STAY = [
    several_norms_share_a_convolution, norm_before_convolution, activation_between,
    training_mode, batch_statistics, weight_changes_in_forward,
]  # fmt: skip


@pytest.mark.parametrize('build', STAY, ids=lambda f: f.__name__)
def test_stay_as_they_are(build):
    model = build().train(build is training_mode)
    before = copy.deepcopy(model.state_dict())
    found = fold_norms(model)
    assert found == dict(BatchNorm2d=1)
    assert model.state_dict().keys() == before.keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert '1 BatchNorm2d left as they are' in describe(found)


def test_norms_that_learn_stay():
    """Those of fused tails, too: the stem, two a block and three shortcuts."""
    model = ECAResNet(18, base_channels=8, norm_eval=False, frozen_stages=-1)
    model.train()
    assert fold_norms(model) == dict(BatchNorm2d=20)
