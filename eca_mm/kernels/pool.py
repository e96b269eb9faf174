"""Means over the pixels of each channel: float32, in a fixed order."""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from eca_mm import fused

from .quick_launch import launch
from .tiles import cut_of, dense, run, splits, tile_at

# Partial sums that are added up at once, and the channels of one program: 64 bytes.
BLOCK_S, BLOCK_C = 256, 16


class Norm(NamedTuple):
    """A batch norm in eval mode; parameters (C,), contiguous."""

    mean: Tensor
    variance: Tensor
    weight: Tensor
    bias: Tensor
    eps: float


def channel_means(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C) in float32."""
    return ChannelMeans.apply(x)


class ChannelMeans(fused.ChannelMeans):
    """See :func:`channel_means`; the gradient is the plain operator's."""

    @staticmethod
    def forward(x):
        return means_of(dense(x))[0]


def means_of(x: Tensor, norm: Norm | None = None) -> tuple[Tensor, Tensor | None]:
    """Means (N, C) of a dense ``x`` (N, C, H, W).

    With a norm they are those of (x - mean) / sqrt(variance + eps), and the second
    tensor (N, C) those of the norm's output. Each element is centered, so that they
    err no more than means of the output would.
    """
    n, c, h, w = x.shape
    pieces = splits(x)
    sums = float32(x, n, pieces, c)
    means, normed = float32(x, n, c), None if norm is None else float32(x, n, c)
    run(sum_kernel, x, cut_of(x).span, x, sums, means, normed, norm, pieces == 1)
    if pieces > 1:
        add_up(sums, means, normed, norm, h * w)
    return means, normed


def add_up(
    sums: Tensor,
    out: Tensor,
    normed: Tensor | None = None,
    norm: Norm | None = None,
    pixels: int = 1,
) -> Tensor:
    """Sums (N, S, C) of ``pixels`` -> ``out`` (N, C): see :func:`means_of`."""
    n, pieces, c = sums.shape
    block = min(triton.next_power_of_2(pieces), BLOCK_S)
    grid, sizes = (triton.cdiv(c, BLOCK_C), n), (pieces, c, pixels, block, BLOCK_C)
    launch(add_up_kernel, grid, sums, sums, out, normed, norm, *sizes)
    return out


def float32(x: Tensor, *shape: int) -> Tensor:
    """An empty tensor where ``x`` is."""
    return torch.empty(shape, dtype=torch.float32, device=x.device)


@triton.jit
def sum_kernel(
    x,
    sums,
    means,
    normed,
    norm,
    WHOLE: tl.constexpr,
    channels,
    pixels,
    cut: tl.constexpr,
):
    """Sums (N, S, C) over spans of pixels, or means if the span is the whole image."""
    BLOCK_C: tl.constexpr = cut.block_c
    BLOCK_P: tl.constexpr = cut.block_p
    piece, n = tl.program_id(0), tl.program_id(2)
    first = tl.program_id(1) * BLOCK_C
    c = first + tl.arange(0, BLOCK_C)
    center = tl.zeros((BLOCK_C,), tl.float32)
    if norm is not None:
        center = load(norm.mean + c, c < channels)
    total = tl.zeros((BLOCK_C, BLOCK_P), tl.float32)
    end = min(piece * cut.span + cut.span, pixels)
    for p in range(piece * cut.span, end, BLOCK_P):
        start, offsets, mask = tile_at(n, first, p, channels, pixels, cut)
        value = load(x + start + offsets, mask)
        total += tl.where(mask, value - center[:, None], 0.0)
    total = tl.sum(total, 1)
    if WHOLE:
        store_means(total, n, c, means, normed, norm, channels, pixels)
    else:
        row = n * tl.num_programs(0) + piece
        tl.store(sums + row * channels + c, total, mask=c < channels)


@triton.jit
def add_up_kernel(
    sums,
    means,
    normed,
    norm,
    pieces,
    channels,
    pixels,
    BLOCK_S: tl.constexpr,
    BLOCK_C: tl.constexpr,
):
    """Means (N, C) from sums (N, S, C)."""
    n = tl.program_id(1)
    c = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    total = tl.zeros((BLOCK_S, BLOCK_C), tl.float32)
    for first in range(0, pieces, BLOCK_S):
        piece = first + tl.arange(0, BLOCK_S)
        mask = (piece < pieces)[:, None] & (c < channels)[None, :]
        row = (n * pieces + piece) * channels
        total += load(sums + row[:, None] + c[None, :], mask)
    store_means(tl.sum(total, 0), n, c, means, normed, norm, channels, pixels)


@triton.jit
def store_means(total, n, c, means, normed, norm, channels, pixels):
    """What :func:`means_of` returns, from sums."""
    inside = c < channels
    mean = total / pixels
    if norm is not None:
        mean *= inverse_std(c, inside, norm)
        output = mean * load(norm.weight + c, inside) + load(norm.bias + c, inside)
        tl.store(normed + n * channels + c, output, mask=inside)
    tl.store(means + n * channels + c, mean, mask=inside)


@triton.jit
def inverse_std(c, inside, norm):
    """1 / sqrt(variance + eps) of channels."""
    return tl.rsqrt(load(norm.variance + c, inside) + norm.eps)


@triton.jit
def load(pointer, mask):
    """Values in float32, zero where the mask is off."""
    return tl.load(pointer, mask=mask, other=0).to(tl.float32)
