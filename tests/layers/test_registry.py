"""Whatever is registered in eca_mm.layers is tested here the moment it exists."""

import copy
import io

import pytest
import torch
from mmengine.registry import MODELS

from eca_mm import layers

NAMES = sorted(layers.OURS)


def build(name: str, **kwargs) -> torch.nn.Module:
    if not layers.BLOCKS[name].is_plugin:  # a convolution layer
        kwargs |= dict(out_channels=64, kernel_size=3, padding=1)
    return MODELS.build(dict(type=name, in_channels=64, **kwargs))


def test_all_that_is_exported_is_registered():
    for name in NAMES:
        assert MODELS.get(name) is getattr(layers, name)


def test_names_in_a_block_differ():
    assert len({getattr(layers, name)._abbr_ for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('shape', [(1, 64, 1, 1), (4, 64, 7, 5), (1, 64, 8, 8)])
def test_shapes_and_memory_formats(name, shape):
    layer, x = build(name), torch.randn(shape)
    out = layer(x)
    assert out.shape == x.shape and out.dtype == x.dtype
    nhwc = layer(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(nhwc, out, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('name', NAMES)
def test_bfloat16_is_near_and_trains(name):
    x = torch.randn(2, 64, 7, 5) + torch.arange(64.0)[:, None, None]
    layer, x = build(name), x.requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        low = layer(x)
    exact = layer(x)
    # Eight bits of mantissa; the sums over 64 channels of size 64 lose a few more.
    assert (low - exact).norm() / exact.norm() < 0.05
    low.float().sum().backward()
    for tensor in (x, *layer.parameters()):
        assert torch.isfinite(tensor.grad).all()


@pytest.mark.parametrize('name', NAMES)
def test_images_do_not_see_each_other(name):
    layer, x = build(name).double(), torch.randn(4, 64, 5, 5, dtype=torch.float64)
    alone = torch.cat([layer(image[None]) for image in x])
    torch.testing.assert_close(layer(x), alone)


@pytest.mark.parametrize('name', NAMES)
def test_gradients(name):
    layer = build(name).double()
    # A small input; the parameters' gradients are those of the layer's own modules.
    x = torch.randn(1, 64, 2, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)


@pytest.mark.parametrize('name', NAMES)
def test_saved_and_copied(name):
    layer, x = build(name), torch.randn(2, 64, 4, 4)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    loaded = build(name)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(loaded(x), layer(x))
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))
