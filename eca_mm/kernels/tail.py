"""relu(scale * u + shift + identity), and its backward pass in one reading of all."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from eca_mm import fused
from eca_mm.channel_sums import differentiates

from .pool import add_up, float32, load
from .tiles import cut_of, dense, run, splits, tile_at


def gated_tail(
    u: Tensor, scale: Tensor, shift: Tensor, identity: Tensor, overwrite: bool = False
) -> Tensor:
    """relu(scale * u + shift + identity), in the dtype and memory format of ``u``.

    Gradients of gradients, and batches of them at once, take plain operators.

    Args:
        u, identity: (N, C, H, W).
        scale, shift: (N, C).
        overwrite: Write the result over ``u`` where no gradient is asked for.
    """
    identity = identity.to(u.dtype)
    if overwrite and not torch.is_grad_enabled():
        u = dense(u)
        return scaled(u, scale, shift, dense(identity, u), out=u)
    return GatedTail.apply(u, scale, shift, identity)


class GatedTail(fused.GatedTail):
    """See :func:`gated_tail`; what is kept is the plain operator's."""

    @staticmethod
    def forward(u, scale, shift, identity):
        u = dense(u)
        return scaled(u, scale, shift, dense(identity, u))

    @staticmethod
    def backward(ctx, grad):
        if differentiates(grad):
            return fused.GatedTail.backward(ctx, grad)
        u, scale, out = ctx.saved_tensors
        grad_u = torch.empty_like(out)
        grad, sums = through_relu(grad, out, dense(u), scale=scale, grad_u=grad_u)
        grad_shift, grad_scale = sums[:, 0], sums[:, 1]
        return grad_u, grad_scale.to(scale.dtype), grad_shift.to(ctx.shift_dtype), grad


def scaled(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    identity: Tensor | None = None,
    center: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """scale * x + shift; with an ``identity``, relu(scale * x + shift + identity).

    Args:
        x, identity: (N, C, H, W), dense and in the same format.
        scale, shift: (N, C).
        center: (C,), subtracted from ``x`` first.
        out: Where to write: ``x`` itself may be, as for :func:`.eca_tail.gated`.
    """
    out = torch.empty_like(x) if out is None else out
    factors = scale.contiguous(), shift.contiguous()
    run(scale_kernel, x, cut_of(x).block_p, x, center, *factors, identity, out)
    return out


def through_relu(
    grad: Tensor,
    out: Tensor,
    u: Tensor,
    *,
    center: Tensor | None = None,
    scale: Tensor | None = None,
    grad_u: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Gradient of a ReLU's input, and what it sums up to.

    Args:
        grad, out: Gradient and value of the ReLU's output (N, C, H, W).
        u: (N, C, H, W), dense.
        center: (C,), subtracted from ``u``, or None.
        scale, grad_u: (N, C) and like ``u``, or None: gets scale * gradient.

    Returns:
        The gradient, and sums (N, 2, C) over the pixels: of it, and of its product with
        u - center.
    """
    n, c = u.shape[:2]
    pieces = splits(u)
    masked = torch.empty_like(u)
    sums = float32(u, n, pieces, 2, c)
    if scale is not None:
        scale = scale.contiguous()
    inputs = dense(grad, u), dense(out, u), u, center, scale
    run(through_relu_kernel, u, cut_of(u).span, *inputs, masked, grad_u, sums)
    if pieces > 1:
        sums = add_up(sums.flatten(2), float32(u, n, 2 * c))
    return masked, sums.view(n, 2, c)


@triton.jit
def scale_kernel(
    x, center, scale, shift, identity, out, channels, pixels, cut: tl.constexpr
):
    """See :func:`scaled`; one tile a program."""
    BLOCK_C: tl.constexpr = cut.block_c
    BLOCK_P: tl.constexpr = cut.block_p
    p, n = tl.program_id(0) * BLOCK_P, tl.program_id(2)
    first = tl.program_id(1) * BLOCK_C
    start, offsets, mask = tile_at(n, first, p, channels, pixels, cut)
    value = load(x + start + offsets, mask)
    c = first + tl.arange(0, BLOCK_C)
    factor = load(scale + n * channels + c, c < channels)
    offset = load(shift + n * channels + c, c < channels)
    if center is not None:
        value -= load(center + c, c < channels)[:, None]
    value = value * factor[:, None] + offset[:, None]
    if identity is not None:
        value = relu(value + load(identity + start + offsets, mask))
    tl.store(out + start + offsets, value, mask=mask)


@triton.jit
def through_relu_kernel(
    grad,
    out,
    u,
    center,
    scale,
    masked,
    grad_u,
    sums,
    channels,
    pixels,
    cut: tl.constexpr,
):
    """See :func:`through_relu`; sums (N, S, 2, C) over spans of pixels."""
    BLOCK_C: tl.constexpr = cut.block_c
    BLOCK_P: tl.constexpr = cut.block_p
    piece, n = tl.program_id(0), tl.program_id(2)
    first = tl.program_id(1) * BLOCK_C
    c = first + tl.arange(0, BLOCK_C)
    inside = c < channels
    middle = tl.zeros((BLOCK_C,), tl.float32)
    if center is not None:
        middle = load(center + c, inside)
    if scale is not None:
        factor = load(scale + n * channels + c, inside)
    total = tl.zeros((BLOCK_C, BLOCK_P), tl.float32)
    total_u = tl.zeros((BLOCK_C, BLOCK_P), tl.float32)
    end = min(piece * cut.span + cut.span, pixels)
    for p in range(piece * cut.span, end, BLOCK_P):
        start, offsets, mask = tile_at(n, first, p, channels, pixels, cut)
        value = load(u + start + offsets, mask)
        g = load(grad + start + offsets, mask)
        # As torch's: a NaN in the output lets the gradient through.
        g = tl.where(load(out + start + offsets, mask) <= 0, 0.0, g)
        tl.store(masked + start + offsets, g, mask=mask)
        if scale is not None:
            tl.store(grad_u + start + offsets, g * factor[:, None], mask=mask)
        total += g
        total_u += g * (value - middle[:, None])
    row = 2 * (n * tl.num_programs(0) + piece)
    tl.store(sums + row * channels + c, tl.sum(total, 1), mask=inside)
    tl.store(sums + (row + 1) * channels + c, tl.sum(total_u, 1), mask=inside)


@triton.jit
def relu(x):
    """As torch's, not a maximum: that would hide NaN."""
    return tl.where(x < 0, 0.0, x)
