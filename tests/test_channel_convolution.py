"""The convolution along channels, against torch's."""

import pytest
import torch

from eca_mm.channel_convolution import channel_convolution


@pytest.mark.parametrize('taps', [1, 3, 7])
@pytest.mark.parametrize('channels', [2, 9])
def test_equals_torchs(channels, taps):
    """Values, first and second gradients, also with more taps than channels."""
    y = torch.randn(3, channels, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(1, 1, taps, dtype=torch.float64, requires_grad=True)
    expected = torch.conv1d(y[:, None], weight, padding=taps // 2)[:, 0]
    found = channel_convolution(y, weight)
    torch.testing.assert_close(found, expected)
    gradient = torch.randn_like(y)
    for ours, value in zip(
        torch.autograd.grad(found, (y, weight), gradient),
        torch.autograd.grad(expected, (y, weight), gradient),
        strict=True,
    ):
        torch.testing.assert_close(ours, value)
    assert torch.autograd.gradgradcheck(channel_convolution, (y, weight))


def test_autocast_has_the_dtype_of_a_convolution():
    y, weight = torch.randn(2, 8), torch.randn(1, 1, 3)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert channel_convolution(y, weight).dtype == torch.bfloat16
