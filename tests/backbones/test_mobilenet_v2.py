import pytest
import torch
from mmdet.models.backbones import MobileNetV2
from mmdet.registry import MODELS
from torch import nn

from eca_mm.backbones.mobilenet_v2 import AttendedConv


def build(**kwargs) -> nn.Module:
    model = MODELS.build(kwargs)
    model.eval()  # the host's train() returns nothing
    return model


def extra_parameters(model: nn.Module) -> int:
    plain = sum(p.numel() for p in MobileNetV2().parameters())
    return sum(p.numel() for p in model.parameters()) - plain


def test_eca_has_one_tap_below_96_channels():
    # blocks: 1 of 16, 2 of 24, 3 of 32, 4 of 64; then 3 of 96, 3 of 160, 1 of 320
    model = build(type='ECAMobileNetV2')
    assert extra_parameters(model) == 10 * 1 + 7 * 3
    shapes = {
        len(value[0, 0])
        for key, value in model.state_dict().items()
        if key.endswith('.eca.conv.weight') and key.startswith('layer4.')
    }
    assert shapes == {1}


def test_se_counterpart():
    # 2 * C^2 / 8 a block
    squares = (
        16**2 + 2 * 24**2 + 3 * 32**2 + 4 * 64**2 + 3 * 96**2 + 3 * 160**2 + 320**2
    )
    model = build(type='PluginMobileNetV2', plugin=dict(type='SE', reduction=8))
    assert extra_parameters(model) == 2 * squares // 8


def test_attention_comes_before_the_residual_addition():
    block = build(type='ECAMobileNetV2').layer5[1]
    x = torch.randn(2, 96, 5, 5) + torch.arange(96.0)[:, None, None] / 16
    conv = block.linear_conv
    branch = conv.bn(conv.conv(block.depthwise_conv(block.expand_conv(x))))
    torch.testing.assert_close(block(x), x + conv.eca(branch))
    assert not torch.allclose(block(x), conv.eca(x + branch), rtol=1e-2)


def test_without_attention_it_is_the_host_bit_for_bit():
    ours, host = build(type='ECAMobileNetV2'), build(type='MobileNetV2')
    ours.load_state_dict(host.state_dict(), strict=False)
    for module in ours.modules():
        if isinstance(module, AttendedConv):
            module.eca = nn.Identity()
    assert ours.state_dict().keys() == host.state_dict().keys()
    x = torch.randn(1, 3, 64, 64)
    for out, expected in zip(ours(x), host(x), strict=True):
        assert torch.equal(out, expected)


@pytest.mark.parametrize('with_cp', [False, True])
def test_arguments_of_the_host(with_cp):
    model = build(type='ECAMobileNetV2', widen_factor=0.5, out_indices=(2, 4),
                  frozen_stages=1, with_cp=with_cp)  # fmt: skip
    model.train()
    outs = model(torch.randn(2, 3, 64, 64))
    assert [out.shape[1] for out in outs] == [16, 48]
    sum(out.sum() for out in outs).backward()
    frozen = model.layer1[0].linear_conv.eca.conv.weight
    trained = model.layer2[1].linear_conv.eca.conv.weight
    assert frozen.grad is None and trained.grad.abs().sum() > 0
