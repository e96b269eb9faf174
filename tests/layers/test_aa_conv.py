import math

import pytest
import torch
from mmcv.cnn import build_conv_layer

from eca_mm.backbones import ECAResNet
from eca_mm.layers import AAConv2d
from eca_mm.layers.aa_conv import offsets


def attend_naively(layer: AAConv2d, x: torch.Tensor, size: int) -> torch.Tensor:
    """Equations 1 to 4 of AA-Net on one image (C, H, W), query by query.

    ``size`` is the side that the layer's encodings are kept for; H and W are below.
    """
    _, height, width = x.shape
    keys, _, values = layer.channels
    qkv = torch.einsum('oc,chw->ohw', layer.qkv.weight[:, :, 0, 0], x)
    q, k, v = qkv.split(layer.channels)
    out = torch.zeros(values, height, width, dtype=x.dtype)
    d, dv = keys // layer.num_heads, values // layer.num_heads
    for head in range(layer.num_heads):
        of_head, of_values = (slice(head * n, head * n + n) for n in (d, dv))
        for yi in range(height):
            for xi in range(width):
                query = q[of_head, yi, xi]
                logits, seen = [], []
                for yj in range(height):
                    for xj in range(width):
                        key = k[of_head, yj, xj]
                        key = key + layer.relative_x[xj - xi + size - 1]
                        key = key + layer.relative_y[yj - yi + size - 1]
                        logits.append(float(query @ key) / math.sqrt(d))
                        seen.append(v[of_values, yj, xj])
                weights = [math.exp(z) for z in logits]
                mixed = sum(w * s for w, s in zip(weights, seen, strict=True))
                out[of_values, yi, xi] = mixed / sum(weights)
    return torch.einsum('oc,chw->ohw', layer.project.weight[:, :, 0, 0], out)


def test_equals_naive_attention():
    layer = AAConv2d(6, 40, 3, padding=1, num_heads=2, value_ratio=0.2, size=4).double()
    x = torch.randn(2, 6, 4, 4, dtype=torch.float64)
    out = layer(x)
    values = layer.channels[-1]
    assert layer.channels == (40, 40, 8) and out.shape == (2, 40, 4, 4)
    torch.testing.assert_close(out[:, :-values], layer.conv(x))
    for image, attended in zip(x, out[:, -values:], strict=True):
        torch.testing.assert_close(attended, attend_naively(layer, image, size=4))


def test_positions_matter():
    """Without encodings a permutation of the positions permutes the output."""
    layer = AAConv2d(6, 40, 3, padding=1, num_heads=2, value_ratio=0.2, size=4).double()
    x = torch.randn(1, 6, 4, 4, dtype=torch.float64)
    values = layer.channels[-1]
    attended, flipped = layer(x)[:, -values:], layer(x.flip(3))[:, -values:]
    assert not torch.allclose(flipped.flip(3), attended, rtol=1e-3)
    layer.relative_x.data.zero_()
    attended, flipped = layer(x)[:, -values:], layer(x.flip(3))[:, -values:]
    torch.testing.assert_close(flipped.flip(3), attended)


def test_encodings_adapt_to_the_size():
    # A linear table stays linear: offset o of side s lies at o / (s - 1) of the range.
    table = torch.linspace(-1, 1, 2 * 5 - 1)[:, None].double()
    adapted = offsets(table, 3)[..., 0]
    expected = torch.tensor([[0, 0.5, 1], [-0.5, 0, 0.5], [-1, -0.5, 0]]).double()
    torch.testing.assert_close(adapted, expected)
    assert offsets(table, 1).tolist() == [[[0.0]]]


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('side', [1, 5, 8])
def test_sizes_are_those_of_a_convolution(stride, side):
    layer = AAConv2d(8, 32, 3, stride=stride, padding=2, dilation=2, num_heads=2)
    plain = torch.nn.Conv2d(8, 32, 3, stride=stride, padding=2, dilation=2)
    x = torch.randn(2, 8, side, side + 3)
    assert layer(x).shape == plain(x).shape


def test_replaces_the_3x3_of_a_block():
    aa_conv = dict(type='AAConv2d', num_heads=4)
    assert isinstance(build_conv_layer(aa_conv, 8, 64, 3, padding=1), AAConv2d)
    model = ECAResNet(
        50, base_channels=16, dcn=aa_conv, stage_with_dcn=(False, False, True, True)
    )
    assert isinstance(model.layer4[2].conv2, AAConv2d)
    assert not isinstance(model.layer2[0].conv2, AAConv2d)
    model(torch.randn(1, 3, 96, 64))[-1].sum().backward()
    assert model.layer4[2].conv2.relative_x.grad.abs().sum() > 0


def test_wrong_use_is_named():
    with pytest.raises(ValueError, match='padding.*got 0'):
        AAConv2d(8, 32, 3)
    with pytest.raises(ValueError, match='out_channels.*8 values.*got 8'):
        AAConv2d(8, 8, 3, padding=1, num_heads=8)
