"""WithAttention on chosen feature maps, on those of frozen stages, and in RetinaNet."""

import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from small_hosts import FPN, RESNET, SWIN, attended, blocks, inputs, plain, trained
from torch import nn

from eca_mm.engine.runner import build_model

sys.path.append(str(Path(__file__).parents[1]))
import anywhere_configs as checks  # noqa: E402


def trainable(model: nn.Module) -> list[str]:
    """Names of the attention's parameters that are trained."""
    return [n for n, p in model.named_parameters() if 'eca.' in n and p.requires_grad]


@pytest.mark.parametrize(
    ('host', 'frozen', 'left'),
    [
        (RESNET, 0, [0, 1, 2, 3]),
        (RESNET, 1, [1, 2, 3]),
        (RESNET, 3, [3]),
        (dict(RESNET, with_cp=True), 2, [2, 3]),
        (dict(RESNET, out_indices=(1, 3)), 2, [1]),
        (dict(type='RegNet', arch='regnetx_400mf'), 1, [1, 2, 3]),
        (dict(type='CSPDarknet', widen_factor=0.125, deepen_factor=0.33), 2, [1, 2]),
        (SWIN, 1, [1]),
    ],
    ids=lambda value: value['type'] if isinstance(value, dict) else None,
)
def test_attention_on_the_map_of_a_frozen_stage_is_frozen(host, frozen, left):
    model = attended(dict(host, frozen_stages=frozen), 'stages')
    wanted = [f'eca.{i}.conv.weight' for i in left]
    assert trainable(model) == wanted
    model.requires_grad_(True).train()  # hosts freeze again
    assert trainable(model) == wanted


def test_maps_of_necks_are_trained_also_without_parameters_of_their_own():
    bfp = dict(type='BFP', in_channels=16, num_levels=5)
    assert len(trainable(attended(bfp, 'stages'))) == 5
    bfp['refine_type'] = 'non_local'
    assert len(trainable(attended(bfp, 'stages'))) == 5
    assert len(trainable(attended(FPN, 'stages'))) == 4


def test_chosen_maps():
    """Names have the maps' numbers, as with 'stages'; the others stay as they are."""
    model, wanted = attended(RESNET, [3, 1]), plain(RESNET)
    assert list(blocks(model)) == ['eca.1', 'eca.3']
    assert list(blocks(attended(RESNET, 2))) == ['eca.2']
    assert list(blocks(attended(RESNET, [1, 'layer3', 2]))) == [
        'layer3.1.eca', 'eca.1', 'eca.2',
    ]  # fmt: skip
    every = attended(RESNET, [1, 'stages'])
    assert every.load_state_dict(model.state_dict(), strict=False).missing_keys == [
        'eca.0.conv.weight', 'eca.2.conv.weight',
    ]  # fmt: skip
    model.load_state_dict(wanted.state_dict(), strict=False)
    trained(model)
    model.eval(), wanted.eval()
    x = inputs(RESNET)
    maps = wanted(x)
    same = [torch.equal(a, b) for a, b in zip(model(x), maps, strict=True)]
    assert same == [True, False, True, False]
    torch.testing.assert_close(model(x)[3], model.eca[3](maps[3]))


@pytest.mark.parametrize('least', [1, 200, 500])
def test_windows_that_need_larger_images(least):
    class Window(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 4, 4)

        def forward(self, x):
            assert x.shape[-1] >= least, 'image smaller than the window'
            return (self.conv(x),)

    assert attended(dict(type=Window), 'stages').eca[0].conv.weight.numel() == 3


def test_one_in_another_of_a_neck():
    inner = dict(
        type='WithAttention', module=FPN, attention=dict(type='ECA'), at='ConvModule'
    )
    model = attended(inner, 'stages', dict(type='SE', reduction=4))
    assert len(blocks(model)) == 6 + 4


@pytest.mark.parametrize(
    ('at', 'frozen', 'unused'),
    [
        ('stages', -1, ['backbone.eca.0.conv.weight']),
        ('stages', 1, []),
        ([1, 2, 3], -1, []),
    ],
)
def test_retinanet_uses_all_maps_but_the_first(at, frozen, unused, tmp_path):
    """DDP needs a gradient for all that is trained."""
    path = tmp_path / 'retinanet.py'
    path.write_text(
        "_base_ = 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'\n"
        "model = dict(backbone=dict(type='WithAttention', module=dict(type='ResNet'),\n"
        f"    attention=dict(type='ECA'), at={at!r}, frozen_stages={frozen},\n"
        '    init_cfg=None))\n'
    )
    model = build_model(Config.fromfile(path))
    checks.train_step(model)
    parameters = model.backbone.named_parameters(prefix='backbone')
    without = [n for n, p in parameters if p.requires_grad and p.grad is None]
    assert [n for n in without if 'eca' in n] == unused
    assert frozen < 0 or not without
