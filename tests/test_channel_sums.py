"""Sums over pixels, against float64."""

import pytest
import torch

from eca_mm.channel_sums import sums_and_products

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize('centered', [False, True])
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.bfloat16])
def test_sums_and_products(dtype, centered, layout):
    """Narrow numbers are multiplied in float32, too."""
    x, u = (torch.randn(2, 3, 40, 50).to(dtype).to(memory_format=layout) for _ in '12')
    center = torch.tensor([1.0, -2, 3]) if centered else torch.zeros(3)
    exact, difference = x.double(), u.double() - center.double()[:, None, None]
    expected = [t.sum((2, 3)) for t in (exact, exact * difference)]
    found = sums_and_products(x, u, center.to(dtype) if centered else None)
    for ours, value in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.double(), value, rtol=1e-5, atol=1e-3)
