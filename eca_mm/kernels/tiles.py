"""How the kernels walk over a feature map: in tiles of channels and pixels."""

from functools import lru_cache
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from .quick_launch import launch

# 4096 elements by 8 warps are 16 a thread, 32 to 64 bytes of each tensor in loads of 16
# bytes: enough under way to keep an H100's memory busy. An end takes it 1.3 to 2.5
# times what a copy of its bytes takes (docs/gpu.md). Other sizes were not tried.
TILE, WARPS = 4096, 8
# Pixels that one program sums. Where channels are rows of pixels there are programs for
# all channels, mostly enough of them; with channels last an image needs more pieces.
SPAN, SPAN_CHANNELS_LAST = 16384, 128


class Cut(NamedTuple):
    """How the images of a dense feature map (N, C, P), P = H W, are cut.

    It depends on C, P and the memory format only, so that an image is summed in the
    same order in whatever batch it is.
    """

    channels_last: bool
    align: int  # a power of 2 that divides P
    block_c: int
    block_p: int
    span: int  # pixels, a multiple of block_p


@lru_cache(maxsize=1024)  # as many as a network has at a dozen sizes of images
def cut(channels: int, pixels: int, channels_last: bool) -> Cut:
    """Tiles whose longer side lies along the memory."""
    align = min(16, pixels & -pixels)
    if channels_last:
        block_c = min(triton.next_power_of_2(channels), 256)
        block_p = min(triton.next_power_of_2(pixels), TILE // block_c)
        return Cut(True, align, block_c, block_p, max(SPAN_CHANNELS_LAST, block_p))
    block_p = min(triton.next_power_of_2(pixels), TILE)
    block_c = min(triton.next_power_of_2(channels), TILE // block_p)
    return Cut(False, align, block_c, block_p, SPAN)


def cut_of(x: Tensor) -> Cut:
    """Cut of ``x`` (N, C, H, W), which :func:`dense` returned."""
    _, c, h, w = x.shape
    return cut(c, h * w, memory_format(x) == torch.channels_last)


def memory_format(x: Tensor) -> torch.memory_format:
    """The format that ``x`` (N, C, H, W) is in; contiguous where it is in neither."""
    last = torch.channels_last
    if x.is_contiguous(memory_format=last) and not x.is_contiguous():
        return last
    return torch.contiguous_format


def dense(x: Tensor, like: Tensor | None = None) -> Tensor:
    """``x`` (N, C, H, W), or a copy if it is not in its own or another's format."""
    return x.contiguous(memory_format=memory_format(x if like is None else like))


def splits(x: Tensor) -> int:
    """Pieces of an image whose sums are added up later."""
    return triton.cdiv(x.shape[2] * x.shape[3], cut_of(x).span)


def run(kernel: triton.JITFunction, x: Tensor, pixels: int, *args) -> None:
    """Launch a kernel with a program for each image, block of channels and ``pixels``.

    Args:
        kernel: Takes ``args``, then C, P and the :class:`Cut`.
        x: Feature map (N, C, H, W), dense.
    """
    n, c, h, w = x.shape
    how = cut_of(x)
    grid = -(-h * w // pixels), -(-c // how.block_c), n
    launch(kernel, grid, x, *args, c, h * w, how, num_warps=WARPS)


@triton.jit
def tile_at(n, c, p, channels, pixels, cut: tl.constexpr):
    """The tile (block_c, block_p) that begins at channel c and pixel p of image n.

    Returns:
        Its offset, of 64 bits since a feature map may have more than 2^31 elements; the
        offsets of its elements from there, for which 32 bits are enough; and which of
        them exist.
    """
    # Tells the compiler that rows begin at multiples of it, or it loads one by one.
    pixels = pixels // cut.align * cut.align
    rows = tl.arange(0, cut.block_c)[:, None]
    columns = tl.arange(0, cut.block_p)[None, :]
    mask = (c + rows < channels) & (p + columns < pixels)
    image = n.to(tl.int64) * channels * pixels
    if cut.channels_last:
        start = image + tl.cast(p, tl.int64) * channels + c
        return start, columns * channels + rows, mask
    start = image + tl.cast(c, tl.int64) * pixels + p
    return start, rows * pixels + columns, mask
