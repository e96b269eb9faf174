import copy

import pytest
import torch
from mmdet.models.backbones.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn

from eca_mm.backbones import PluginResNet
from eca_mm.backbones.blocks import PluginBasicBlock, PluginBottleneck


def where(model: nn.Module, name: str) -> set[tuple[int, int]]:
    """(stage, block) of each block that has a module of that name."""
    return {
        (stage, i)
        for stage in range(1, model.num_stages + 1)
        for i, block in enumerate(getattr(model, f'layer{stage}'))
        if hasattr(block, name)
    }


def plugin(position='after_conv2', **kwargs) -> dict:
    return dict(cfg=dict(type='SE', reduction=4), position=position, **kwargs)


@pytest.mark.parametrize(
    ('depth', 'placed', 'expected'),
    [
        # depth 50 has 3, 4, 6, 3 blocks, depth 18 two a stage
        (50, dict(blocks=((), (), (-2,), ())), {(3, 4)}),
        (50, dict(blocks=((0,), None, (), (1, -1))),
         {(1, 0), (2, 0), (2, 1), (2, 2), (2, 3), (4, 1), (4, 2)}),
        (50, dict(stages=(True, False, False, False)), {(1, 0), (1, 1), (1, 2)}),
        (50, dict(stages=(True, True, False, False), blocks=((0,), (0,), (0,), (0,))),
         {(1, 0), (2, 0)}),
        (18, dict(blocks=((), (), (), (-2, 0))), {(4, 0)}),
        (18, {}, {(s, b) for s in (1, 2, 3, 4) for b in (0, 1)}),
    ],
)  # fmt: skip
def test_blocks(depth, placed, expected):
    model = PluginResNet(depth, base_channels=8, plugins=[plugin(**placed)])
    assert where(model, 'se') == expected


def test_without_plugins_it_is_the_host():
    for depth in (18, 50):
        ours, host = (cls(depth, base_channels=8) for cls in (PluginResNet, ResNet))
        host.load_state_dict(ours.state_dict())
        x = torch.randn(1, 3, 64, 64)
        for out, expected in zip(ours(x), host(x), strict=True):
            assert torch.equal(out, expected)


@pytest.mark.parametrize(
    ('ours', 'host'), [(PluginBasicBlock, BasicBlock), (PluginBottleneck, Bottleneck)]
)
@pytest.mark.parametrize('with_cp', [False, True])
def test_identities_everywhere_are_the_host_bit_for_bit(ours, host, with_cp):
    downsample = nn.Conv2d(8, 16 * host.expansion, 1, stride=2)
    args = dict(inplanes=8, planes=16, stride=2, with_cp=with_cp)
    plain = host(**args, downsample=downsample)
    plugins = [
        dict(cfg=dict(type='SEVar1', postfix=i), position=position)
        for i, position in enumerate(ours.positions)
    ]
    block = ours(**args, downsample=copy.deepcopy(downsample), plugins=plugins)
    for i in range(len(plugins)):
        setattr(block, f'se_var1{i}', nn.Identity())
    block.load_state_dict(plain.state_dict())
    x = torch.randn(2, 8, 9, 9, requires_grad=True)
    assert torch.equal(block(x), plain(x))


@pytest.mark.parametrize(
    ('ours', 'position', 'seen'),
    [
        (PluginBasicBlock, 'after_conv1', 'relu of norm1'),
        (PluginBasicBlock, 'after_block', 'output'),
        (PluginBottleneck, 'after_conv1', 'relu of norm1'),
        (PluginBottleneck, 'after_block', 'output'),
    ],
)
def test_what_a_plugin_sees(ours, position, seen):
    block = ours(16 if ours is PluginBasicBlock else 64, 16, plugins=[plugin(position)])
    inputs = []
    block.se.register_forward_hook(lambda _, args, __: inputs.append(args[0].clone()))
    x = torch.randn(2, block.conv1.in_channels, 5, 5)
    block.eval()
    out = block(x)
    block.se = nn.Identity()
    if seen == 'output':
        torch.testing.assert_close(inputs[0], block(x))
        assert not torch.allclose(out, block(x))
    else:
        torch.testing.assert_close(inputs[0], torch.relu(block.bn1(block.conv1(x))))


def test_two_of_a_kind_in_one_block():
    plugins = [
        dict(cfg=dict(type='ECA', postfix=i), position='after_conv3') for i in (1, 2)
    ]
    model = PluginResNet(50, base_channels=8, plugins=plugins)
    assert model.layer1[0].after_conv3_plugin_names == ['eca1', 'eca2']


@pytest.mark.parametrize(
    ('depth', 'placed', 'named'),
    [
        (50, dict(position='after_conv4'), "position.*'after_conv4'"),
        (18, dict(position='after_conv3'), "position.*depth 18.*'after_conv3'"),
        (50, dict(blocks=((), (), (6,), ())), 'stage 3.*no block 6.*has 6'),
        (50, dict(blocks=((-4,), (), (), ())), 'stage 1.*no block -4.*has 3'),
        (50, dict(blocks=((0,), (0,))), r'blocks.*4 stages.*\(\(0,\), \(0,\)\)'),
        (50, dict(stages=(True, True)), r'stages.*4 stages.*\(True, True\)'),
    ],
)
def test_impossible_places_are_named(depth, placed, named):
    entry = plugin() | placed
    with pytest.raises(ValueError, match=named):
        PluginResNet(depth, base_channels=8, plugins=[entry])
