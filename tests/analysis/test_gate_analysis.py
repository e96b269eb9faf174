import numpy as np
import pytest
import torch
from mmengine.registry import MODELS
from scipy.stats import f_oneway
from torch import nn

from eca_mm import layers
from eca_mm.analysis import gates as analysis
from eca_mm.functional import eca_gate

GATED = sorted(name for name in layers.OURS if layers.BLOCKS[name].is_plugin)


def one_class_each(labels) -> np.ndarray:
    return np.eye(max(labels) + 1, dtype=bool)[list(labels)]


@pytest.mark.parametrize('name', GATED)
def test_gates_are_what_scales_the_channels(name):
    layer = MODELS.build(dict(type=name, in_channels=64))
    x = torch.randn(3, 64, 5, 4) + torch.linspace(-3, 3, 64)[:, None, None]
    if name == 'CBAM':
        nn.init.zeros_(layer.conv.weight)  # all spatial gates are 1/2
    ratio = (layer(x) / x).mean((2, 3)) * (2 if name == 'CBAM' else 1)
    torch.testing.assert_close(layer.gates(x), ratio, rtol=1e-4, atol=1e-5)


def test_the_recorder_keeps_every_image_of_every_layer_and_leaves_no_hook():
    model = nn.Sequential(layers.ECA(8), nn.ReLU(), layers.ECA(8))
    batches = [torch.randn(2, 8, 3, 3), torch.randn(1, 8, 5, 2)]
    with analysis.GateRecorder(model) as recorder:
        outs = [model[0](x).relu() for x in batches]
        for x in batches:
            model(x)
    model(batches[0])
    taps = [layer.conv.weight for layer in (model[0], model[2])]
    # The first layer also ran alone, before.
    first = np.concatenate([eca_gate(x, taps[0]).detach() for x in batches * 2])
    second = np.concatenate([eca_gate(out, taps[1]).detach() for out in outs])
    np.testing.assert_allclose(recorder.gates['0'], first, rtol=1e-5)
    np.testing.assert_allclose(recorder.gates['2'], second, rtol=1e-5)


@pytest.mark.parametrize(
    'name, expected',
    [
        ('backbone.layer3.11.eca', ('stage 3', '11')),
        ('layer1.0.se', ('stage 1', '0')),
        ('backbone.layer7.0.linear_conv.eca', ('stage 7', '0')),
        ('neck.gate', ('neck.gate', 'neck.gate')),
    ],
)
def test_place(name, expected):
    assert analysis.place(name) == expected


def test_class_means_by_hand():
    values = np.array([[0.1, 0.5], [0.3, 0.5], [0.8, 0.2]])
    # The second image shows both classes; nothing shows the third.
    members = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]], bool)
    means = analysis.class_means(values, members)
    np.testing.assert_allclose(means[:2], [[0.2, 0.5], [0.55, 0.35]])
    assert np.isnan(means[2]).all()


def test_separation_by_hand():
    values = np.array([[0.0, 0.0, 0.5], [0, 1, 0.5], [1, 0, 0.5], [1, 1, 0.5]])
    separation = analysis.separation(values, one_class_each([0, 0, 1, 1]))
    # Told apart wholly; not at all; a gate that never moves.
    assert separation.tolist() == [1, 0, 0]


def test_separation_is_the_correlation_ratio_of_the_analysis_of_variance():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 40)
    values = rng.normal(size=(40, 5)) + labels[:, None] * np.linspace(0, 2, 5)
    f = f_oneway(*(values[labels == k] for k in range(3))).statistic
    expected = 2 * f / (2 * f + 40 - 3)
    np.testing.assert_allclose(
        analysis.separation(values, one_class_each(labels)), expected
    )


def test_chance_separation_is_the_mean_of_unrelated_gates():
    rng = np.random.default_rng(0)
    members = one_class_each(rng.integers(0, 4, 50))
    found = analysis.separation(rng.normal(size=(50, 4000)), members).mean()
    chance = analysis.chance_separation(members)
    assert chance == 3 / 49 and abs(found - chance) < 0.003


def test_kernels_are_the_taps():
    model = nn.Sequential(layers.ECA(8, 5), layers.ECANS(8, 3), layers.SE(16))
    nn.init.constant_(model[0].conv.weight, 0.25)
    found = analysis.kernels(model)
    assert found.keys() == {'0', '1'}
    assert found['0'].tolist() == [[0.25] * 5]
    np.testing.assert_array_equal(found['1'], model[1].weight.detach())
