"""WithAttention in mmpretrain's and timm's backbones."""

import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS

import eca_mm  # noqa: F401  (registers the wrapper)

sys.path.append(str(Path(__file__).parents[1]))
import anywhere_configs as checks  # noqa: E402

TIMM = dict(type='mmpretrain.TIMMBackbone', features_only=True)
# Its window is larger than the last map of 128 pixels.
SWIN = dict(
    type='mmpretrain.SwinTransformer', arch='tiny', out_indices=(2, 3), drop_path_rate=0
)
# Backbone, place, layout, blocks
HOSTS = [
    (dict(TIMM, model_name='efficientnet_b0'), 'InvertedResidual', 'NCHW', 15),
    (
        dict(TIMM, model_name='swin_tiny_patch4_window7_224', strict_img_size=False),
        'SwinTransformerBlock',
        'NHWC',
        12,
    ),
    (SWIN, 'SwinBlock', 'NLC', 12),
]


@pytest.mark.parametrize(('host', 'at', 'layout', 'number'), HOSTS)
def test_timm_starts_as_the_plain_backbone(host, at, layout, number):
    plain = MODELS.build(deepcopy(host))
    ours = dict(type='WithAttention', module=host, attention=dict(type='ECA'), at=at)
    ours = MODELS.build(ours)
    report = ours.load_state_dict(plain.state_dict(), strict=False)
    assert len(report.missing_keys) == number and not report.unexpected_keys
    assert all(name.endswith('.eca.conv.weight') for name in report.missing_keys)
    layouts = {getattr(m, 'attention_layout', layout) for m in ours.modules()}
    assert layouts == {layout}
    plain.eval(), ours.eval()
    x = torch.randn(1, 3, *[224 if host is SWIN else 64] * 2)
    outputs = ours(x)
    assert all(map(torch.equal, outputs, plain(x)))
    sum(out.square().sum() for out in outputs).backward()
    grads = {name: p.grad for name, p in ours.named_parameters()}
    assert all((grads[name] != 0).all() for name in report.missing_keys)


def test_convnext_counted_by_hand():
    found = checks.added(checks.read('eca_mask_rcnn_convnext_t'), 'cpu')
    # 3, 3, 9, 3 blocks of 96, 192, 384, 768 channels
    assert sorted(found.values()) == sorted([3] * 3 + [5] * 3 + [5] * 9 + [5] * 3)


def test_convnext_starts_as_the_plain_model_trains_and_exports():
    small = {
        'model.backbone.arch': 'atto',
        'model.neck.in_channels': [40, 80, 160, 320],
    }
    cfg = checks.read('eca_mask_rcnn_convnext_t', **small)
    ours, plain = checks.pair(cfg)
    assert checks.train_step(ours) == checks.train_step(plain)
    taps = [p for name, p in ours.named_parameters() if '.eca.' in name]
    assert len(taps) == 2 + 2 + 6 + 2 and all((tap.grad != 0).all() for tap in taps)
    maps = checks.exported(ours, torch.randn(1, 3, 64, 64))
    for found, wanted in zip(*maps, strict=True):
        torch.testing.assert_close(found, wanted)
