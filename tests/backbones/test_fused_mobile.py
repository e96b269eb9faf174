"""MobileNetV2 with norms and attention in one go, against the same without."""

import copy

import pytest
import torch
from mmdet.models.backbones import MobileNetV2
from mmdet.registry import MODELS
from test_fused_tail import distance, lively, results
from torch import nn

from eca_mm.analysis.cost import saved_bytes
from eca_mm.backbones import fused_tail, mobilenet_v2
from eca_mm.backbones.mobilenet_v2 import AttendedConv

KINDS = {
    'ECA': dict(type='ECAMobileNetV2'),
    'SE': dict(type='PluginMobileNetV2', plugin=dict(type='SE', reduction=4)),
}


def mobile(kind: str = 'ECA', learns: bool = True, **kwargs) -> nn.Module:
    """In training mode, its norms too or not."""
    model = MODELS.build(dict(KINDS[kind], widen_factor=0.5, **kwargs))
    lively(model).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(learns)
    return model


def unfused(model: nn.Module) -> nn.Module:
    other = copy.deepcopy(model)
    for module in other.modules():
        if isinstance(module, AttendedConv):
            module.fused_tail = False
    return other


@pytest.fixture
def fused_calls(monkeypatch):
    calls = []

    def spy(*args):
        calls.append(args)
        return fused_tail.fused_gate(*args)

    monkeypatch.setattr(mobilenet_v2, 'fused_gate', spy)
    return calls


@pytest.mark.parametrize('learns', [True, False])
@pytest.mark.parametrize('kind', KINDS)
def test_equals_the_plain_path(kind, learns, fused_calls):
    """In float64: outputs, the gradients of everything, and what the norms learnt."""
    model, image = mobile(kind, learns).double(), torch.randn(2, 3, 64, 48).double()
    plain = unfused(model)
    ours, expected = (results(m, image) for m in (model, plain))
    assert len(fused_calls) == 17
    for found, value in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-6, atol=1e-9)
    state = model.state_dict()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(state[name], value)


@pytest.mark.parametrize('learns', [True, False])
@pytest.mark.parametrize('dtype', [None, torch.bfloat16])
def test_errs_at_most_twice_as_much_as_the_plain_path(dtype, learns):
    model, image = mobile(learns=learns), torch.randn(2, 3, 64, 48)
    exact = results(unfused(model).double(), image.double())
    plain = distance(results(unfused(model), image, dtype), exact)
    assert sum(distance(results(model, image, dtype), exact)) < 2 * sum(plain)


def test_saves_hardly_more_than_the_host(fused_calls):
    image = torch.randn(2, 3, 160, 128)
    model, host = mobile(), MobileNetV2(widen_factor=0.5)
    host.train()
    ours, plain, naive = (saved_bytes(m, image) for m in (model, host, unfused(model)))
    assert len(fused_calls) == 17
    assert ours < 1.01 * plain < naive


@pytest.mark.parametrize('learns', [True, False])
def test_obstacles(learns, fused_calls):
    """A hook, the switch, a trace; and it is fused again without them."""
    block, x = mobile(learns=learns).layer5[1], torch.randn(2, 48, 5, 4)
    conv = block.linear_conv
    block(x)
    for module in (conv.bn, conv.eca, conv.eca.conv):
        hook = module.register_forward_hook(lambda *args: None)
        block(x)
        hook.remove()
    conv.fused_tail = False
    block(x)
    conv.fused_tail = True
    torch.jit.trace(block, x, check_trace=False)
    assert len(fused_calls) == 1
    block(x)
    assert len(fused_calls) == 2


def test_the_switch():
    for value in (True, False):
        model = mobile(fused_tail=value)
        assert model.layer1[0].linear_conv.fused_tail is value
    with pytest.raises(ValueError, match="True or False: 'triton'"):
        mobile(fused_tail='triton')
