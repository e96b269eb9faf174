import pytest
import torch
from mmcv.cnn import build_plugin_layer
from mmengine.registry import MODELS, DefaultScope, Registry

import eca_mm
from eca_mm.layers import ECA

OTHER_MODELS = Registry('model', parent=MODELS, scope='another_library')


@pytest.mark.parametrize(
    ('in_channels', 'kernel_size', 'taps'),
    [(64, None, 3), (2048, None, 7), (64, 9, 9), (8, 1, 1)],
)
def test_one_shared_kernel_is_all_it_has(in_channels, kernel_size, taps):
    layer = ECA(in_channels, kernel_size)
    assert {k: tuple(v.shape) for k, v in layer.state_dict().items()} == {
        'conv.weight': (1, 1, taps)
    }


def test_gamma_and_beta_reach_the_rule():
    # (log2(64) + 2) / 1 = 8, even: 9
    assert ECA(64, gamma=1, beta=2).conv.weight.shape[-1] == 9


def test_forward_by_hand():
    layer = ECA(3, kernel_size=3)
    layer.conv.weight.data = torch.tensor([[[1.0, 0.0, -1.0]]])
    means = torch.tensor([0.5, -2.0, 1.5])
    x = means[None, :, None, None].expand(1, 3, 4, 4)
    # the channel before minus the channel after
    logits = torch.tensor([2.0, -1.0, -2.0])
    expected = (means * torch.sigmoid(logits))[None, :, None, None].expand(1, 3, 4, 4)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(
    ('kernel_size', 'error'),
    [(2, ValueError), (0, ValueError), (-3, ValueError), (3.0, TypeError),
     ('3', TypeError), (True, TypeError)],
)  # fmt: skip
def test_wrong_kernel_sizes_are_named(kernel_size, error):
    with pytest.raises(error, match=f'kernel_size.*{kernel_size!r}'):
        ECA(64, kernel_size)


@pytest.mark.parametrize(('in_channels', 'error'), [(0, ValueError), ('64', TypeError)])
def test_wrong_channels_are_named(in_channels, error):
    with pytest.raises(error, match=f'channels.*{in_channels!r}'):
        ECA(in_channels, kernel_size=3)


@pytest.mark.parametrize('scope', [None, 'mmdet', 'another_library'])
def test_found_from_any_scope(scope):
    with DefaultScope.overwrite_default_scope(scope):
        name, layer = build_plugin_layer(dict(type='ECA'), in_channels=128)
    assert name == 'eca'
    assert isinstance(layer, ECA)
    assert layer.conv.weight.shape[-1] == eca_mm.adaptive_kernel_size(128) == 5
