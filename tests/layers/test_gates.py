"""Every block that scales channels by sigmoid(f(GAP(x))), against plain loops."""

import math

import pytest
import torch

from eca_mm import functional
from eca_mm.layers import CBAM, ECA, ECANS, SE, SEGC, SEVar1, SEVar2, SEVar3

C = 32
# name: (layer on C channels, its parameters by the formula of Table 2)
LAYERS = {
    'SE': (lambda: SE(C), 2 * C * C // 16),
    'SE, r=4': (lambda: SE(C, reduction=4), 2 * C * C // 4),
    'SE, bias': (lambda: SE(C, bias=True), 2 * C * C // 16 + C + C // 16),
    'SE-Var1': (lambda: SEVar1(C), 0),
    'SE-Var2': (lambda: SEVar2(C), C),
    'SE-Var3': (lambda: SEVar3(C), C * C),
    'SE-GC1': (lambda: SEGC(C, groups=16), C * C // 16),
    'SE-GC2': (lambda: SEGC(C, groups='C/16'), 16 * C),
    'SE-GC3': (lambda: SEGC(C, groups='C/8'), 8 * C),
    'ECA-NS': (lambda: ECANS(C, kernel_size=3), 3 * C),
    'ECA': (lambda: ECA(C, kernel_size=3), 3),
}


def excite_naively(layer, y: list[float]) -> list[float]:
    """The logits of one image from its C channel means, with Python loops."""
    weights = [p.tolist() for p in layer.parameters()]
    channels = range(C)
    if isinstance(layer, SE):
        if len(weights) == 2:
            weights = [weights[0], [0.0] * len(weights[0]), weights[1], [0.0] * C]
        w1, b1, w2, b2 = weights
        hidden = [
            max(0.0, b + sum(w[c] * y[c] for c in channels))
            for w, b in zip(w1, b1, strict=True)
        ]
        return [b2[c] + sum(w * h for w, h in zip(w2[c], hidden, strict=True))
                for c in channels]  # fmt: skip
    if isinstance(layer, SEVar1):
        return y
    if isinstance(layer, SEVar2):
        return [weights[0][c] * y[c] for c in channels]
    if isinstance(layer, SEVar3):
        return [sum(weights[0][c][d] * y[d] for d in channels) for c in channels]
    if isinstance(layer, SEGC):
        size = len(weights[0][0])  # channels in a group; (C, size, 1)
        return [
            sum(weights[0][c][d][0] * y[c // size * size + d] for d in range(size))
            for c in channels
        ]
    taps = weights[0] if isinstance(layer, ECANS) else [weights[0][0][0]] * C
    reach = len(taps[0]) // 2
    return [
        sum(
            tap * y[c + i - reach]
            for i, tap in enumerate(taps[c])
            if 0 <= c + i - reach < C
        )
        for c in channels
    ]


@pytest.fixture
def x():
    offset = torch.linspace(-2, 2, C, dtype=torch.float64)[torch.randperm(C)]
    return torch.randn(2, C, 3, 4, dtype=torch.float64) + offset[:, None, None]


@pytest.mark.parametrize('name', LAYERS)
def test_parameters_follow_table_2(name):
    build, count = LAYERS[name]
    assert sum(p.numel() for p in build().parameters()) == count


@pytest.mark.parametrize('name', LAYERS)
def test_equals_naive_loops(name, x):
    layer = LAYERS[name][0]().double()
    for parameter in layer.parameters():
        parameter.data.normal_(0, 0.5)  # gates that are far from one half
    out = layer(x)
    for image, scaled in zip(x, out, strict=True):
        means = [sum(channel.flatten().tolist()) / 12 for channel in image]
        logits = excite_naively(layer, means)
        gates = torch.tensor([1 / (1 + math.exp(-z)) for z in logits]).double()
        torch.testing.assert_close(
            scaled, image * gates[:, None, None], rtol=1e-6, atol=1e-9
        )
        # A layer that mixes channels the other way round would not pass.
        flipped = image * gates.flip(0)[:, None, None]
        assert not torch.allclose(scaled, flipped, rtol=1e-2)


def test_eca_layer_is_the_reference(x):
    layer = ECA(C, kernel_size=5).double()
    torch.testing.assert_close(layer(x), functional.eca(x, layer.conv.weight))


def test_eca_ns_with_equal_taps_is_eca(x):
    eca, eca_ns = ECA(C, 5).double(), ECANS(C, 5).double()
    eca_ns.weight.data = eca.conv.weight.data[0].expand(C, 5)
    torch.testing.assert_close(eca_ns(x), eca(x))


def test_se_var3_with_a_band_matrix_is_eca_ns(x):
    full, local = SEVar3(C).double(), ECANS(C, 3).double()
    full.fc.weight.data.zero_()
    for c in range(C):
        for i in range(3):
            if 0 <= c + i - 1 < C:
                full.fc.weight.data[c, c + i - 1] = local.weight.data[c, i]
    torch.testing.assert_close(full(x), local(x))


def test_se_gc_with_c_groups_is_se_var2(x):
    grouped, single = SEGC(C, groups=C).double(), SEVar2(C).double()
    grouped.conv.weight.data = single.weight.data[:, None, None]
    torch.testing.assert_close(grouped(x), single(x))


def test_cbam_by_loops(x):
    """Equations 2 and 3 of the CBAM paper, position by position."""
    layer = CBAM(C, kernel_size=3).double()
    w1, w2 = (layer.mlp[i].weight for i in (0, 2))
    (kernel,) = layer.conv.weight
    for image, out in zip(x, layer(x), strict=True):
        logits = sum(
            w2 @ torch.relu(w1 @ pooled)
            for pooled in (image.mean((1, 2)), image.amax((1, 2)))
        )
        refined = image / (1 + torch.exp(-logits))[:, None, None]
        maps = torch.stack([refined.mean(0), refined.amax(0)])
        for row in range(3):
            for column in range(4):
                z = sum(
                    float(kernel[m, i, j] * maps[m, row + i - 1, column + j - 1])
                    for m in range(2)
                    for i in range(3)
                    for j in range(3)
                    if 0 <= row + i - 1 < 3 and 0 <= column + j - 1 < 4
                )
                expected = refined[:, row, column] / (1 + math.exp(-z))
                torch.testing.assert_close(out[:, row, column], expected)


def test_cbam_has_the_mean_first(x):
    """The official code has the maximum first: the same with the kernels exchanged."""
    layer = CBAM(C, kernel_size=3).double()
    refined = functional.scale_channels(x, layer.gates(x))
    official = torch.stack([refined.amax(1), refined.mean(1)], 1)
    kernel = layer.conv.weight
    for weight, same in ((kernel.flip(1), True), (kernel, False)):
        logits = torch.conv2d(official, weight, padding=1)
        assert torch.allclose(refined * logits.sigmoid(), layer(x)) == same


def test_cbam_parameters():
    # shared MLP without biases, 7x7 convolution of two maps
    count = sum(p.numel() for p in CBAM(C).parameters())
    assert count == 2 * C * C // 16 + 2 * 7 * 7


@pytest.mark.parametrize(
    ('build', 'error', 'named'),
    [
        (lambda: SE(8), ValueError, 'reduction.*8 channels.*16'),
        (lambda: SE(64, reduction=0), ValueError, 'reduction.*0'),
        (lambda: SE(64, reduction=2.0), TypeError, 'reduction.*2.0'),
        (lambda: CBAM(8), ValueError, 'reduction.*16'),
        (lambda: CBAM(64, kernel_size=4), ValueError, 'kernel_size.*4'),
        (lambda: SEGC(24, groups=16), ValueError, 'groups.*24 channels.*16'),
        (lambda: SEGC(24, groups='C/16'), ValueError, 'groups.*24 channels.*16'),
        (lambda: SEGC(32, groups='half'), ValueError, 'groups.*half'),
        (lambda: SEGC(32, groups='16'), ValueError, "groups.*'16'"),
        (lambda: SEGC(32, groups=None), TypeError, 'groups.*None'),
        (lambda: ECANS(32, kernel_size=4), ValueError, 'kernel_size.*4'),
    ],
)
def test_wrong_use_is_named(build, error, named):
    with pytest.raises(error, match=named):
        build()
