import math

import pytest
import torch

from eca_mm.functional import adaptive_kernel_size, eca, eca_gate, scale_channels


def naive_gates(x: torch.Tensor, taps: list[float]) -> torch.Tensor:
    """Equation 9 with Python loops, zeros beyond the first and the last channel."""
    batch, channels = x.shape[:2]
    reach = len(taps) // 2
    gates = torch.zeros(batch, channels, dtype=torch.float64)
    for n in range(batch):
        means = [
            sum(x[n, c].flatten().tolist()) / x[n, c].numel() for c in range(channels)
        ]
        for c in range(channels):
            near = [
                means[c + i - reach] if 0 <= c + i - reach < channels else 0.0
                for i in range(len(taps))
            ]
            mixed = sum(tap * mean for tap, mean in zip(taps, near, strict=True))
            gates[n, c] = 1 / (1 + math.exp(-mixed))
    return gates


@pytest.mark.parametrize(
    ('channels', 'kernel_size'),
    # t = int((log2(C) + 1) / 2), one more if even; from the authors' code
    [(1, 1), (16, 3), (64, 3), (128, 5), (256, 5), (512, 5), (1024, 5), (2048, 7)],
)
def test_rule(channels, kernel_size):
    assert adaptive_kernel_size(channels) == kernel_size


def test_rule_with_other_constants():
    # (log2(64) + 2) / 1 = 8, even: 9
    assert adaptive_kernel_size(64, gamma=1, beta=2) == 9


@pytest.mark.parametrize(
    ('channels', 'gamma', 'error'),
    [(0, 2, ValueError), (-4, 2, ValueError), (64, 0, ValueError),
     (64.0, 2, TypeError), (True, 2, TypeError)],
)  # fmt: skip
def test_rule_refuses(channels, gamma, error):
    with pytest.raises(error, match='channels|gamma'):
        adaptive_kernel_size(channels, gamma)


def test_zero_taps_halve(feature_map):
    weight = torch.zeros(1, 1, 3, dtype=torch.float64)
    assert torch.equal(eca(feature_map, weight), feature_map / 2)


def test_equal_taps_on_equal_channels():
    c = 0.3
    gates = eca_gate(torch.full((1, 4, 2, 2), c), torch.ones(1, 1, 3))
    end, inner = 1 / (1 + math.exp(-2 * c)), 1 / (1 + math.exp(-3 * c))
    torch.testing.assert_close(gates, torch.tensor([[end, inner, inner, end]]))


def test_first_tap_weighs_the_channel_before(feature_map):
    gates = eca_gate(feature_map, torch.tensor([[[1.0, 0, 0]]], dtype=torch.float64))
    means = feature_map.mean((2, 3))
    assert gates[:, 0].tolist() == [0.5, 0.5]
    torch.testing.assert_close(gates[:, 1:], torch.sigmoid(means[:, :-1]))


@pytest.mark.parametrize('taps', [[0.7], [0.5, -1.0, 0.25], [0.1, 0.4, -0.8, 0.6, 0.3]])
def test_equals_naive_loop(feature_map, taps):
    weight = torch.tensor([[taps]], dtype=torch.float64)
    expected = feature_map * naive_gates(feature_map, taps)[:, :, None, None]
    torch.testing.assert_close(eca(feature_map, weight), expected)
    # The input tells a wrong implementation: without the convolution it differs.
    wrong = scale_channels(feature_map, torch.sigmoid(feature_map.mean((2, 3))))
    assert not torch.allclose(wrong, expected, rtol=0.02)


def test_gradients(feature_map):
    x = feature_map.requires_grad_()
    weight = torch.randn(1, 1, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(eca, (x, weight))


def test_images_do_not_see_each_other(feature_map):
    weight = torch.randn(1, 1, 3, dtype=torch.float64)
    alone = torch.cat([eca(image[None], weight) for image in feature_map])
    torch.testing.assert_close(eca(feature_map, weight), alone, rtol=0, atol=1e-15)


def test_channels_last_is_kept(feature_map):
    weight = torch.randn(1, 1, 3, dtype=torch.float64)
    nhwc = feature_map.to(memory_format=torch.channels_last)
    out = eca(nhwc, weight)
    assert out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out, eca(feature_map, weight))


# Unit roundoff of bf16 is 2^-9, of fp16 2^-12. The gate sums a few products of means
# below 4, so its logit is off by some units of 8 roundoffs; the product adds one.
@pytest.mark.parametrize(
    ('dtype', 'rtol'), [(torch.bfloat16, 2**-5), (torch.float16, 2**-8)]
)
def test_autocast(feature_map, dtype, rtol):
    x, weight = feature_map.to(dtype), torch.tensor([[[0.5, -0.6, 0.3]]])
    with torch.autocast('cpu', dtype=dtype):
        out = eca(x, weight)
    assert out.dtype == dtype
    exact = eca(x.double(), weight.double())
    torch.testing.assert_close(out.double(), exact, rtol=rtol, atol=1e-3)
    assert not torch.allclose(x.double() / 2, exact, rtol=rtol, atol=1e-3)


def test_autocast_keeps_a_wide_input_wide(feature_map):
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert eca(feature_map.float(), torch.ones(1, 1, 3)).dtype == torch.float32
