"""WithAttention: places and axes, names, the identity at the start."""

import copy

import pytest
import small_blocks
import torch
from mmdet.registry import MODELS
from small_hosts import (
    CSPNEXT,
    FPN,
    PLACES,
    RESNET,
    SWIN,
    attended,
    blocks,
    inputs,
    plain,
    trained,
)
from torch import nn

from eca_mm.layers import BLOCKS
from eca_mm.layers.identity import can_begin_as_identity

IDS = [f'{host["type"]}-{at}' for host, at, *_ in PLACES]


@pytest.mark.parametrize(('host', 'at', 'layout', 'number'), PLACES, ids=IDS)
@pytest.mark.parametrize('training', [False, True], ids=['eval', 'train'])
def test_starts_as_the_plain_module(host, at, layout, number, training):
    """Outputs and every gradient that both have are equal bit for bit."""
    wanted, found = plain(host), attended(host, at)
    report = found.load_state_dict(wanted.state_dict(), strict=False)
    assert not report.unexpected_keys
    assert report.missing_keys == [f'{name}.conv.weight' for name in blocks(found)]
    assert len(blocks(found)) == number
    layouts = [getattr(m, 'attention_layout', None) for m in found.modules()]
    assert set(layouts) == {layout, None} and type(found).__name__ == host['type']

    x, outputs = inputs(host), []
    for model in (wanted, found):
        model.train(training)
        torch.manual_seed(1)  # of stochastic depth
        outputs.append(model(x))
        sum(out.square().sum() for out in outputs[-1]).backward()
    assert all(map(torch.equal, *outputs))
    gradients = {name: p.grad for name, p in found.named_parameters()}
    for name, parameter in wanted.named_parameters():
        if parameter.grad is not None:
            assert torch.equal(gradients[name], parameter.grad), name
    for name in report.missing_keys:
        assert (gradients[name] != 0).all(), name  # every tap


@pytest.mark.parametrize('side', [64, 96])
def test_tokens_are_pooled_over_their_positions(side):
    """Each block's output against eca in numpy's order of axes, block by block."""
    model = attended(SWIN, 'SwinBlock')
    trained(model)
    model.eval()
    plain_block = model.stages[0].blocks[0]
    x = torch.randn(2, (side // 4) ** 2, 16) + torch.linspace(-2, 2, 16)
    size = (side // 4, side // 4)
    out = plain_block(x, size)
    inner = plain_block.host_class.forward(plain_block, x, size)
    means = nn.functional.pad(inner.mean(1), (1, 1))
    taps = plain_block.eca.conv.weight.flatten()
    logits = sum(taps[i] * means[:, i : i + 16] for i in range(3))
    torch.testing.assert_close(out, inner * 2 * torch.sigmoid(logits)[:, None])
    assert not torch.allclose(out, inner, rtol=1e-2)


def test_maps_with_channels_last_are_pooled_over_height_and_width():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Sequential()
            self.part.inner = Inner()

        def forward(self, x):
            return (self.part(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),)

    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 8)

        def forward(self, x):
            return self.linear(x)

    model = attended(dict(type=Last), 'part')  # its last layer, Inner
    assert model.part.inner.attention_layout == 'NHWC' and len(model.part) == 1
    trained(model)
    x = inputs(SWIN)
    y = model.part.inner.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    assert torch.equal(model(x)[0], model.part.inner.eca(y))


def test_random_start_is_not_the_identity():
    model, wanted = attended(CSPNEXT, 'CSPLayer', identity_init=False), plain(CSPNEXT)
    model.load_state_dict(wanted.state_dict(), strict=False)
    model.eval(), wanted.eval()
    x = inputs(CSPNEXT)
    assert not torch.allclose(model(x)[-1], wanted(x)[-1], rtol=0.1)
    gates = blocks(model)['stage1.1.eca'].gates(torch.randn(2, 16, 4, 4))
    assert gates.max() < 1


@pytest.mark.parametrize(
    'attention',
    [
        cfg
        for cfg in small_blocks.configs()
        if can_begin_as_identity(BLOCKS[cfg['type']].load(cfg['type']))
    ],
    ids=str,
)
def test_every_block_begins_as_the_identity_also_after_init_weights(attention):
    """The hosts draw Conv2d and Linear again, those of attention too."""
    wanted = plain(CSPNEXT)
    model = attended(CSPNEXT, 'CSPLayer', attention)
    model.init_weights()
    model.load_state_dict(wanted.state_dict(), strict=False)
    x = inputs(CSPNEXT)
    model.eval(), wanted.eval()
    assert all(map(torch.equal, model(x), wanted(x)))
    last = [p for name, p in model.named_parameters() if name not in dict(
        wanted.named_parameters())]  # fmt: skip
    model(x)[-1].square().sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in last)


def test_a_second_init_weights_keeps_what_was_trained():
    """As the host's, which warns."""
    model = attended(CSPNEXT, 'CSPLayer')
    model.init_weights()
    trained(model)
    before = copy.deepcopy(model.state_dict())
    model.init_weights()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_init_weights_keeps_what_a_checkpoint_gives(tmp_path):
    source = attended(SWIN, 'SwinBlock', 'SE')
    trained(source)
    state = {f'backbone.{k}': v for k, v in source.state_dict().items()}  # Swin's way
    torch.save(state, tmp_path / 'ours.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'ours.pth'))
    model = attended(
        dict(SWIN, convert_weights=False), 'SwinBlock', 'SE', init_cfg=init
    )
    model.init_weights()
    for name, tensor in source.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_linear_layers_of_attention_are_drawn_anew_by_swin_alone():
    """What the test above guards against does happen without the wrapper's method."""
    model = attended(SWIN, 'SwinBlock', 'SE')
    MODELS.get('SwinTransformer').init_weights(model)
    assert any(block.fc2.weight.any() for block in blocks(model).values())


def test_arguments_over_a_base():
    """A config can put the wrapper over its base's dict and keep the arguments."""
    model = attended(dict(type='ResNet'), 'stages', depth=18, frozen_stages=1)
    assert len(model.layer1) == 2 and not model.layer1[0].conv1.weight.requires_grad
    other = attended(
        dict(type='FPN', **{k: FPN[k] for k in FPN if k != 'type'}), 'stages'
    )
    assert other.out_channels == 12


def test_one_in_another():
    """ECA in the blocks, SE on the maps."""
    inner = dict(
        type='WithAttention', module=RESNET, attention=dict(type='ECA'), at='BasicBlock'
    )
    model = attended(inner, 'stages', dict(type='SE', reduction=4))
    assert len(blocks(model)) == 8 + 4
    wanted = plain(RESNET)
    model.load_state_dict(wanted.state_dict(), strict=False)
    wanted.eval(), model.eval()
    x = inputs(RESNET)
    assert all(map(torch.equal, model(x), wanted(x)))
