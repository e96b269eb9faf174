"""The statistics of a batch norm in training mode, and what they add to a gradient.

One reading of u gives each piece of an image its mean and squared differences, about
the mean of the piece's first tile: no digits are lost, whatever the mean is. Merging
them, in float64, are small launches.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor, nn
from torch import distributed as dist

from eca_mm.batch_statistics import over_ranks, tracked, update

from .pool import Norm, float32, inverse_std, load
from .quick_launch import launch
from .tiles import cut_of, run, splits, tile_at

# Rows that are merged at once, and the channels of one program: 64 bytes.
BLOCK_ROWS, BLOCK_C = 256, 16


class Learnt(NamedTuple):
    """What a batch norm in training mode makes of a batch.

    Attributes:
        norm: With the statistics of the batch, that is of all ranks' images.
        means, normed: (N, C), see :func:`.pool.means_of`.
        count: Pixels in the batch.
    """

    norm: Norm
    means: Tensor
    normed: Tensor
    count: int  # type: ignore[assignment]  # a field, no tuple.count


def learn(u: Tensor, norm: nn.Module, group: dist.ProcessGroup | None) -> Learnt:
    """Statistics of a dense u (N, C, H, W), by which the norm's own are updated."""
    n, c, h, w = u.shape
    momentum, *running = tracked(norm)
    weight, bias = norm.weight.detach().contiguous(), norm.bias.detach().contiguous()
    images = image_moments(u)
    batch = float32(u, 2, c)
    means, normed = float32(u, n, c), float32(u, n, c)
    found = Norm(batch[0], batch[1], weight, bias, norm.eps)
    own = running if group is None else (None, None)
    block = min(triton.next_power_of_2(n), BLOCK_ROWS)
    small = images, found, means, normed, *own, float(momentum)
    sizes = n, c, h * w, block, BLOCK_C
    launch(statistics_kernel, (triton.cdiv(c, BLOCK_C),), u, *small, *sizes)
    if group is None:
        return Learnt(found, means, normed, n * h * w)
    mean, variance, count = over_ranks(batch[0], batch[1], n * h * w, norm.eps, group)
    update(running, mean, variance * (count / max(count - 1, 1)), momentum)
    found = Norm(mean.float(), variance.float(), weight, bias, norm.eps)
    means = (images[:, 0] - mean) * torch.rsqrt(variance + norm.eps)
    normed = torch.addcmul(bias, means, weight).float()
    return Learnt(found, means.float(), normed, count)


def image_moments(u: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 2, C): means and sums of squared differences to them."""
    n, c, h, w = u.shape
    pieces, span = splits(u), cut_of(u).span
    moments = float32(u, n, pieces, 2, c)
    run(moments_kernel, u, span, u, moments)
    if pieces == 1:
        return moments[:, 0]
    images = float32(u, n, 2, c)
    block = min(triton.next_power_of_2(pieces), BLOCK_ROWS)
    sizes = pieces, c, span, h * w - (pieces - 1) * span, block, BLOCK_C
    grid = triton.cdiv(c, BLOCK_C), n
    launch(merge_kernel, grid, u, moments, images, *sizes)
    return images


def with_shares(
    grad: Tensor, u: Tensor, scale: Tensor, shift: Tensor, norm: Norm,
    total_weight: Tensor, total_bias: Tensor, count: int,
) -> Tensor:  # fmt: skip
    """scale * grad + shift, and the shares of the batch's mean and variance in it.

    Args:
        grad, u: (N, C, H, W), dense and in the same format.
        scale, shift: (N, C).
        total_weight, total_bias: Gradients (C,) of the norm's weight and bias, of all
            ranks' images.
        count: Pixels in the batch.
    """
    out = torch.empty_like(u)
    small = scale, shift, norm, total_weight, total_bias, float(count)
    run(shares_kernel, u, cut_of(u).block_p, grad, u, *small, out)
    return out


@triton.jit
def moments_kernel(u, moments, channels, pixels, cut: tl.constexpr):
    """Means and sums of squared differences (N, S, 2, C) over spans of pixels."""
    BLOCK_C: tl.constexpr = cut.block_c
    BLOCK_P: tl.constexpr = cut.block_p
    piece, n = tl.program_id(0), tl.program_id(2)
    first = tl.program_id(1) * BLOCK_C
    begin = piece * cut.span
    end = min(begin + cut.span, pixels)
    start, offsets, mask = tile_at(n, first, begin, channels, pixels, cut)
    value = load(u + start + offsets, mask)
    center = tl.sum(value, 1) / min(BLOCK_P, end - begin)
    total = tl.where(mask, value - center[:, None], 0.0)
    squares = total * total
    for p in range(begin + BLOCK_P, end, BLOCK_P):
        start, offsets, mask = tile_at(n, first, p, channels, pixels, cut)
        value = load(u + start + offsets, mask)
        difference = tl.where(mask, value - center[:, None], 0.0)
        total += difference
        squares += difference * difference
    sums, count = tl.sum(total, 1), end - begin
    off = sums / count
    c = first + tl.arange(0, BLOCK_C)
    row = 2 * (n * tl.num_programs(0) + piece) * channels
    tl.store(moments + row + c, center + off, mask=c < channels)
    squares = tl.sum(squares, 1) - off * sums
    tl.store(moments + row + channels + c, squares, mask=c < channels)


@triton.jit
def merged(moments, rows, c, channels, count, rest, BLOCK_ROWS: tl.constexpr):
    """Of rows (R, 2, C) the mean, the squared differences, and pixels, in float64.

    Each row is of ``count`` pixels, the last one of ``rest``.
    """
    block = tl.arange(0, BLOCK_ROWS)[:, None]
    total = tl.zeros((BLOCK_ROWS, c.shape[0]), tl.float64)
    for first in range(0, rows, BLOCK_ROWS):
        row = first + block
        inside = (row < rows) & (c < channels)[None, :]
        weight = tl.where(row == rows - 1, rest, count)
        found = load(moments + 2 * row * channels + c[None, :], inside)
        total += weight * found.to(tl.float64)
    # Of one row this is a constant to Triton, which has no `to`.
    pixels = tl.cast(rows - 1, tl.float64) * count + rest
    mean = tl.sum(total, 0) / pixels
    total = tl.zeros((BLOCK_ROWS, c.shape[0]), tl.float64)
    for first in range(0, rows, BLOCK_ROWS):
        row = first + block
        inside = (row < rows) & (c < channels)[None, :]
        weight = tl.where(row == rows - 1, rest, count)
        place = moments + 2 * row * channels + c[None, :]
        off = load(place, inside) - mean[None, :]
        within = load(place + channels, inside)
        total += tl.where(inside, weight * off * off + within, 0.0)
    return mean, tl.sum(total, 0), pixels


@triton.jit
def merge_kernel(
    moments, images, pieces, channels, count, rest, BLOCK_ROWS: tl.constexpr,
    BLOCK_C: tl.constexpr,
):  # fmt: skip
    """(N, S, 2, C) -> (N, 2, C)."""
    n = tl.program_id(1)
    c = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    moments += 2 * n * pieces * channels
    mean, squares, _ = merged(moments, pieces, c, channels, count, rest, BLOCK_ROWS)
    place = images + 2 * n * channels + c
    tl.store(place, mean.to(tl.float32), mask=c < channels)
    tl.store(place + channels, squares.to(tl.float32), mask=c < channels)


@triton.jit
def statistics_kernel(
    images, norm, means, normed, running_mean, running_var, momentum, batch, channels,
    pixels, BLOCK_ROWS: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Statistics of the batch from moments (N, 2, C) of its images; see ``learn``."""
    c = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    inside_c = c < channels
    mean, squares, count = merged(
        images, batch, c, channels, pixels, pixels, BLOCK_ROWS
    )
    variance = squares / count
    tl.store(norm.mean + c, mean.to(tl.float32), mask=inside_c)
    tl.store(norm.variance + c, variance.to(tl.float32), mask=inside_c)
    if running_mean is not None:
        old = load(running_mean + c, inside_c)
        new = old + momentum * (mean.to(tl.float32) - old)
        tl.store(running_mean + c, new, mask=inside_c)
        old = load(running_var + c, inside_c)
        unbiased = squares / tl.maximum(count - 1, 1)
        new = old + momentum * (unbiased.to(tl.float32) - old)
        tl.store(running_var + c, new, mask=inside_c)
    inverse = tl.rsqrt(variance.to(tl.float32) + norm.eps)
    weight, bias = load(norm.weight + c, inside_c), load(norm.bias + c, inside_c)
    for first in range(0, batch, BLOCK_ROWS):
        n = first + tl.arange(0, BLOCK_ROWS)[:, None]
        inside = (n < batch) & inside_c[None, :]
        value = load(images + 2 * n * channels + c[None, :], inside)
        value = (value - mean[None, :]).to(tl.float32) * inverse[None, :]
        place = n * channels + c[None, :]
        tl.store(means + place, value, mask=inside)
        value = value * weight[None, :] + bias[None, :]
        tl.store(normed + place, value, mask=inside)


@triton.jit
def shares_kernel(
    grad, u, scale, shift, norm, total_weight, total_bias, count, out, channels, pixels,
    cut: tl.constexpr,
):  # fmt: skip
    """See :func:`with_shares`; one tile a program."""
    BLOCK_C: tl.constexpr = cut.block_c
    BLOCK_P: tl.constexpr = cut.block_p
    p, n = tl.program_id(0) * BLOCK_P, tl.program_id(2)
    first = tl.program_id(1) * BLOCK_C
    start, offsets, mask = tile_at(n, first, p, channels, pixels, cut)
    g = load(grad + start + offsets, mask)
    value = load(u + start + offsets, mask)
    c = first + tl.arange(0, BLOCK_C)
    inside = c < channels
    inverse = inverse_std(c, inside, norm)
    a = load(norm.weight + c, inside) * inverse / count
    slope = -a * inverse * load(total_weight + c, inside)
    offset = load(shift + n * channels + c, inside) - a * load(total_bias + c, inside)
    factor = load(scale + n * channels + c, inside)
    value = (value - load(norm.mean + c, inside)[:, None]) * slope[:, None]
    value += g * factor[:, None] + offset[:, None]
    tl.store(out + start + offsets, value, mask=mask)
