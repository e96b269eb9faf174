import logging

import pytest
import torch
from mmcv.cnn.bricks import ContextBlock, NonLocal2d
from mmdet.models.backbones import ResNet
from mmengine.model import kaiming_init
from torch import nn

from eca_mm.backbones import ECAResNet, PluginResNet
from eca_mm.checkpoints.load_report import begins_as_identity, load_report
from eca_mm.layers import CBAM, ECA, SE, AAConv2d

# Two blocks a stage
ECAS = [f'layer{s}.{b}.eca.conv.weight' for s in (1, 2, 3, 4) for b in (0, 1)]


@pytest.fixture(scope='module')
def plain() -> dict:
    """A plain ResNet-18 as torchvision has it, with a classifier."""
    state = ResNet(18).state_dict()
    return state | {'fc.weight': torch.zeros(1000, 512), 'fc.bias': torch.zeros(1000)}


def test_plain_weights_leave_the_attention_at_random(plain):
    report = load_report(ECAResNet(18, frozen_stages=1), plain)
    # The stem, two convolutions in each of eight blocks, three downsamplings; each with
    # a norm of four tensors. num_batches_tracked does not count.
    assert len(report.loaded) == 20 * 5
    assert report.missing == report.random_attention == ECAS
    assert report.frozen_attention == ECAS[:2]
    assert report.unexpected == ['fc.weight', 'fc.bias']
    assert report.mismatched == {} and report.identity_attention == []


def test_text_is_loud_where_it_hurts(plain):
    findings = list(load_report(ECAResNet(18, frozen_stages=1), plain).findings())
    loud = [text for level, text in findings if level == logging.WARNING]
    assert loud[0].startswith(
        f'ATTENTION LEFT AT RANDOM: 8 tensors ({", ".join(ECAS[:4])} and 4 more)'
    )
    assert loud[1].startswith(
        'ATTENTION FROZEN AT RANDOM: of these, 2 tensors '
        '(layer1.0.eca.conv.weight, layer1.1.eca.conv.weight)'
    )
    quiet = [text for level, text in findings if level == logging.INFO]
    assert quiet[0] == (
        '100 of 108 tensors loaded, 8 missing, 2 unexpected, 0 of another shape'
    )
    assert quiet[2] == 'unexpected: fc.weight, fc.bias'
    assert len(findings) == 5


def test_nothing_to_say():
    model = ECAResNet(18, frozen_stages=1)
    lines = load_report(model, model.state_dict()).lines()
    assert lines == [
        '108 of 108 tensors loaded, 0 missing, 0 unexpected, 0 of another shape'
    ]


def test_other_kernel_sizes_are_not_loaded():
    model = ECAResNet(18, kernel_sizes=(3, 5, 7, 7), frozen_stages=2)
    report = load_report(model, ECAResNet(18, kernel_sizes=3).state_dict())
    assert list(report.mismatched) == report.random_attention == ECAS[2:]
    assert report.mismatched[ECAS[2]] == ((1, 1, 3), (1, 1, 5))
    assert report.frozen_attention == ECAS[2:4]
    assert report.missing == []
    text = ' '.join(report.lines())
    assert f'{ECAS[2]} (1, 1, 3) instead of (1, 1, 5)' in text


def test_attention_that_begins_as_the_identity_is_no_alarm(plain):
    model = ECAResNet(18, frozen_stages=1, identity_init=True)
    report = load_report(model, plain)
    assert report.identity_attention == ECAS
    assert report.random_attention == report.frozen_attention == []
    levels = {level for level, _ in report.findings()}
    assert levels == {logging.INFO}
    assert 'begins as the identity: 8 tensors' in report.lines()[-1]


def test_gc_block_is_random_only_where_the_backbone_redraws_it():
    gc = dict(cfg=dict(type='ContextBlock', ratio=1 / 4), position='after_conv1')
    stages = (False, False, False, True)
    models = [
        PluginResNet(18, plugins=[dict(gc, stages=stages)], init_cfg=init_cfg)
        for init_cfg in (None, dict(type='Constant', layer='Linear', val=0))
    ]
    for model in models:
        model.init_weights()
    redrawn, kept = (load_report(model, ResNet(18).state_dict()) for model in models)
    # In each of two blocks: the mask, two convolutions, a norm; weight and bias each.
    assert len(redrawn.random_attention) == 2 * 4 * 2
    assert redrawn.identity_attention == kept.random_attention == []
    assert kept.identity_attention == redrawn.random_attention


def redrawn(block: nn.Module) -> nn.Module:
    for layer in block.modules():
        if isinstance(layer, nn.Conv2d):
            kaiming_init(layer)
    return block


@pytest.mark.parametrize(
    'build',
    [
        lambda: ECA(32),
        lambda: ECA(32, identity_init=True),
        lambda: SE(32),
        lambda: SE(32, identity_init=True),
        lambda: CBAM(32),
        lambda: AAConv2d(32, 32, 3, padding=1),
        lambda: ContextBlock(32, 1 / 4),
        lambda: ContextBlock(32, 1 / 4, fusion_types=('channel_mul',)),
        lambda: ContextBlock(32, 1 / 4, fusion_types=('channel_mul', 'channel_add')),
        lambda: redrawn(ContextBlock(32, 1 / 4)),
        lambda: NonLocal2d(32),
        lambda: NonLocal2d(32, norm_cfg=dict(type='BN')),
        lambda: redrawn(NonLocal2d(32, norm_cfg=dict(type='BN'))),
        lambda: redrawn(NonLocal2d(32)),
        lambda: NonLocal2d(32, zeros_init=False),
    ],
)
def test_identity_is_judged_as_the_block_computes(build):
    block = build().eval()
    x = torch.randn(2, 32, 5, 6)
    assert begins_as_identity(block) == torch.equal(block(x), x)
