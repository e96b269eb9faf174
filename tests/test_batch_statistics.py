"""What a batch norm learns from a batch, against torch's own and against float64."""

import pytest
import torch
from torch import nn

from eca_mm import batch_statistics as subject
from eca_mm.batch_statistics import batch_statistics

LAYOUTS = [torch.contiguous_format, torch.channels_last]
SHAPE = (3, 6, 9, 7)


def batch(dtype=torch.float32, layout=LAYOUTS[0], mean=1.0, std=1.0):
    """(3, 6, 9, 7); channels and images differ in their means and deviations."""
    n, channels = SHAPE[:2]
    means = mean * torch.linspace(1, 2, channels, dtype=torch.float64)
    images = std * torch.linspace(-1, 1, n, dtype=torch.float64)[:, None]
    stds = std * torch.linspace(1, 3, channels, dtype=torch.float64)
    u = torch.randn(SHAPE, dtype=torch.float64) * stds[:, None, None]
    u += (means + images)[..., None, None]
    return u.to(dtype).to(memory_format=layout)


def norm(dtype=torch.float32, **kwargs) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(SHAPE[1], dtype=dtype, **kwargs)


KINDS = [
    {}, dict(momentum=0.3), dict(momentum=None), dict(track_running_stats=False),
    dict(momentum=0.0),
]  # fmt: skip


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize('kwargs', KINDS, ids=str)
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_running_statistics_are_those_of_torch(dtype, kwargs, layout):
    """After 20 batches: bit for bit in float64, but for rounding in float32."""
    ours, torchs = norm(dtype, **kwargs), norm(dtype, **kwargs)
    for _ in range(20):
        u = batch(dtype, layout)
        batch_statistics(u, ours)
        torchs(u)
    found, expected = (dict(n.named_buffers()) for n in (ours, torchs))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if dtype == torch.float64 or value.dtype == torch.int64:
            assert torch.equal(found[name], value), name
        else:
            torch.testing.assert_close(found[name], value, rtol=5e-7, atol=1e-7)
    if kwargs.get('momentum', 0.1):  # they moved, from zeros and ones
        assert not expected or expected['running_mean'].min() > 0.8


def test_statistics_by_hand():
    """Two images of two pixels, 0, 2 and 4, 10: mean 4, variance (16 + 4 + 36) / 4."""
    u = torch.tensor([0.0, 2, 4, 10]).view(2, 1, 1, 2)
    layer = nn.BatchNorm2d(1, eps=2.0)
    found = batch_statistics(u, layer)
    assert found.mean.tolist() == [4.0] and found.count == 4
    assert found.offsets.tolist() == [[-3.0], [3.0]]
    assert found.rstd.item() == 0.25  # 1 / sqrt(14 + 2)
    assert layer.running_mean.item() == pytest.approx(0.4)
    assert layer.running_var.item() == pytest.approx(0.9 + 0.1 * 56 / 3)


def errors(found, u, eps) -> list[float]:
    """Of mean, rstd and offsets, in standard deviations."""
    exact = u.double()
    mean, variance = exact.mean((0, 2, 3)), exact.var((0, 2, 3), correction=0)
    offsets = exact.mean((2, 3)) - mean
    rstd = torch.rsqrt(variance + eps)
    found = (found[0] - mean) * rstd, found[1] / rstd - 1, (found[2] - offsets) * rstd
    return [float(value.abs().max()) for value in found]


def torchs(u, layer):
    """Mean and rstd of torch's own pass, and means of its images."""
    _, mean, rstd = torch.native_batch_norm(
        u, layer.weight, layer.bias, None, None, True, 0, layer.eps
    )
    return mean, rstd, u.mean((2, 3)) - mean


SPREADS = [(1.0, 1.0), (1e3, 1.0), (1e3, 1e-2), (-1e3, 1e-3), (1e-3, 1e-4), (0.0, 1e3)]


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize(('mean', 'std'), SPREADS)
def test_errs_at_most_twice_as_much_as_torch(mean, std, layout):
    """With large means and tiny variances, where sums of plain squares are lost."""
    u, layer = batch(torch.float32, layout, mean, std), norm(eps=1e-12)
    ours = errors(batch_statistics(u, layer), u, layer.eps)
    theirs = errors(torchs(u, layer), u, layer.eps)
    for mine, torch_s in zip(ours, theirs, strict=True):
        assert mine <= 2 * torch_s + 3e-7
    # A variance by sums of squares, in float32, does not pass where the mean is large.
    naive = u.square().mean((0, 2, 3)) - u.mean((0, 2, 3)).square()
    mean_of, _, offsets = torchs(u, layer)
    wrong = errors((mean_of, naive.rsqrt(), offsets), u, 0)[1]
    assert abs(mean) < 1e3 or not wrong <= 2 * theirs[1] + 3e-7


def test_images_far_apart():
    """The first image lies far from all others, whose own variance is tiny."""
    u = batch(mean=0.0, std=1e-2).repeat(4, 1, 1, 1)
    u[0] += 1e3
    layer = norm()
    ours, theirs = (errors(f(u, layer), u, 1e-5) for f in (batch_statistics, torchs))
    for mine, torch_s in zip(ours, theirs, strict=True):
        assert mine <= 2 * torch_s + 3e-7


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
def test_parts_change_nothing(layout, monkeypatch):
    """In pieces of 2 rows, the last one smaller."""
    u = batch(layout=layout)[:, :5].contiguous(memory_format=layout)
    whole = subject.safe_statistics(u)
    monkeypatch.setattr(subject, 'CHUNK', 2 * 9 * 7 * 4)
    monkeypatch.setattr(subject, 'LINE', 2)
    assert len(list(subject.parts(u))) == (8 if layout == LAYOUTS[0] else 9)
    for found, value in zip(subject.safe_statistics(u), whole, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
def test_quick_sums_step_aside_where_they_lose_digits(layout, monkeypatch):
    """In channels with large means, unknown ones, or NaN, and in no others."""
    redone = []

    def watched(u, safe=subject.safe_statistics):
        redone.append(u.shape[1])
        return safe(u)

    u, safe = batch(layout=layout), subject.safe_statistics
    monkeypatch.setattr(subject, 'safe_statistics', watched)
    for shift, known, channels in [
        ([0.0] * 6, False, []), ([0.0, 0, 3, 3, 0, 0], False, [1]),
        ([0.0, 0, 3, 3, 0, 0], True, []), ([0.0, 1e3, 0, 0, 0, 0], True, [1]),
        ([1e3] * 6, True, [6]), ([0.0, 0, 0, -20, 0, torch.nan], False, [2]),
    ]:  # fmt: skip
        redone.clear()
        shift = torch.tensor(shift)
        shifted = u + shift[:, None, None]
        found = subject.quick_statistics(shifted, shift if known else None)
        assert redone == channels
        for ours, value in zip(found, safe(shifted), strict=True):
            torch.testing.assert_close(
                ours.double(), value, rtol=2e-6, atol=2e-6, equal_nan=True
            )


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize('mean', [1.0, 3.0, 10.0, 30.0, 90.0])
def test_errs_little_where_the_mean_is_known(mean, layout):
    """As after many batches, when the running mean is the batch's."""
    u, layer = batch(mean=mean, layout=layout), norm(eps=1e-12)
    layer.running_mean.copy_(u.double().mean((0, 2, 3)))
    ours = errors(batch_statistics(u, layer), u, layer.eps)
    theirs = errors(torchs(u, layer), u, layer.eps)
    for mine, torch_s in zip(ours, theirs, strict=True):
        assert mine <= 2 * torch_s + 3e-7


@pytest.mark.parametrize('layout', LAYOUTS, ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_narrow_inputs_are_summed_in_float32(dtype, layout):
    u, layer = batch(dtype, layout, mean=30.0), norm()
    found = batch_statistics(u, layer)
    assert {value.dtype for value in found[1:3]} == {torch.float32}
    assert max(errors(found, u, layer.eps)) < 1e-5
