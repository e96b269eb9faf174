"""An ECA that is not the paper's any more is computed as it is, by whatever end."""

from functools import partial

import pytest
import torch
from ends import DEVICE, relative
from torch import nn

from eca_mm.backbones.fusable import is_plain_eca
from eca_mm.backbones.fused_tail import fused_tail
from eca_mm.layers import ECA

Conv = partial(nn.Conv1d, 1, 1, 3, bias=False)


class Hard(ECA):
    """Other gates from the same logits."""

    def squash(self, logits):
        return nn.functional.hardsigmoid(logits)


class Doubled(nn.Conv1d):
    """Another convolution."""

    def forward(self, y):
        return 2 * super().forward(y)


def own_squash():
    attention = ECA(16)
    attention.squash = nn.functional.hardsigmoid
    return attention


def with_conv(conv):
    attention = ECA(16)
    attention.conv = conv
    return attention


CHANGED = {
    'squash': partial(Hard, 16),
    'own squash': own_squash,
    'bias': lambda: with_conv(Conv(padding=1, bias=True)),
    'class': lambda: with_conv(Doubled(1, 1, 3, padding=1, bias=False)),
    'dilation': lambda: with_conv(Conv(padding=2, dilation=2)),
    'reflect': lambda: with_conv(Conv(padding=1, padding_mode='reflect')),
}


def end_of(norm, attention, how):
    conv = nn.Conv2d(4, 16, 1, bias=False)
    nn.init.normal_(norm.bias, std=3)
    for p in attention.parameters():
        nn.init.normal_(p, std=2)
    modules = (m.to(DEVICE) for m in (conv, norm, attention))
    conv, norm, attention = modules
    x = torch.randn(2, 4, 5, 5, device=DEVICE)
    identity = torch.randn(2, 16, 5, 5, device=DEVICE)
    found = fused_tail(x, conv, norm, attention, identity, how)
    return found, torch.relu(attention(norm(conv(x))) + identity)


@pytest.mark.parametrize('change', CHANGED)
@pytest.mark.parametrize('how', ['torch', 'triton'])
@pytest.mark.parametrize('training', [False, True])
def test_a_changed_eca_is_computed_as_it_is(change, how, training):
    attention = CHANGED[change]()
    assert not is_plain_eca(attention)
    found, expected = end_of(nn.BatchNorm2d(16).train(training), attention, how)
    assert relative(found, expected) < 1e-5


@pytest.mark.parametrize('options', [{}, dict(kernel_size=7, identity_init=True)])
def test_eca_itself_is_plain(options):
    assert is_plain_eca(ECA(16, **options))
    assert is_plain_eca(type('Renamed', (ECA,), {})(16))
