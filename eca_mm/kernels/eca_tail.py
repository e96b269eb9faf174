"""The tail of a block with ECA: two launches forward, three backward.

The norm is in eval mode; :mod:`.eca_norm_tail` is for norms that learn. Forward: the
means of the norm's output; then each tile of the block's output computes the gates of
its channels from the means of their neighbours. Backward: the gradient behind the ReLU,
written for the other branch, and its sums; the gradients of all small tensors; then
that of ``u`` with the share of the means in it, which autograd would add in a pass of
its own. The norm's parameters are read as they are: operators that make scale and shift
of them take as long as a pass saves in the last stage.

Adding up the sums of a large image's pieces, and the taps' gradient, are small launches
more. Kept for backward are ``u``, the output and three tensors (N, C).
"""

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function

from eca_mm import fused
from eca_mm.channel_sums import differentiates

from .gradients import plain_gradients, second_gradients
from .pool import Norm, inverse_std, load, means_of
from .small import small_gradients
from .tail import relu, scaled, through_relu
from .tiles import cut_of, dense, run, tile_at


def eca_tail(
    u: Tensor,
    identity: Tensor,
    taps: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor,
    bias: Tensor,
    eps: float = 1e-5,
    factor: float = 1,
    overwrite: bool = False,
) -> Tensor:
    """:func:`eca_mm.functional.eca_tail`, in the dtype and memory format of ``u``.

    Gradients of gradients, and batches of them at once, take plain operators.

    Args:
        overwrite: Write the result over ``u`` where no gradient is asked for.
    """
    norm = running_mean, running_var, weight, bias
    identity = identity.to(u.dtype)
    if not torch.is_grad_enabled():  # autograd's own work takes as long as a launch
        return forward(u, identity, taps, Norm(*norm, eps), factor, overwrite)[0]
    return ECATail.apply(u, identity, taps, *norm, eps, factor)


def forward(
    u: Tensor,
    identity: Tensor,
    taps: Tensor,
    norm: Norm,
    factor: float,
    overwrite: bool = False,
) -> tuple[Tensor, ...]:
    """The output, and what a backward pass needs: see :class:`ECATail`."""
    u, taps = dense(u), taps.contiguous()
    mean, variance, weight, bias = (x.contiguous() for x in norm[:4])
    norm = Norm(mean, variance, weight, bias, norm.eps)
    means, normed = means_of(u, norm)
    out = u if overwrite else None
    out, gates = gated(u, identity, normed, norm, taps, factor, out)
    return out, u, means, normed, gates, taps, *norm[:4]


class ECATail(Function):
    """See :func:`eca_tail`."""

    @staticmethod
    def forward(ctx, u, identity, taps, mean, variance, weight, bias, eps, factor):
        norm = Norm(mean, variance, weight, bias, eps)
        out, u, *rest = forward(u, identity, taps, norm, factor)
        ctx.save_for_backward(u, out, *rest)
        ctx.eps, ctx.factor = eps, factor
        return out

    @staticmethod
    def backward(ctx, grad):
        u, out, *small, taps, mean, variance, weight, bias = ctx.saved_tensors
        norm = Norm(mean, variance, weight, bias, ctx.eps)
        rest = *small, taps, norm, ctx.factor, u.shape[2] * u.shape[3]
        if differentiates(grad):
            grad = fused.through_relu(grad, out)
            if torch.is_grad_enabled():
                wanted = [ctx.needs_input_grad[i] for i in (0, 2, 5, 6)]
                grads = second_gradients(grad, u, taps, norm, ctx.factor, wanted)
            else:
                grads = plain_gradients(grad, u, *rest)
            grad_u, *rest = grads
        else:
            grad, sums = through_relu(grad, out, u, center=mean)
            scale, shift, *rest = small_gradients(sums, *rest)
            grad_u = scaled(grad, scale, shift)
        grad_taps, grad_weight, grad_bias = rest
        return grad_u, grad, grad_taps, None, None, grad_weight, grad_bias, None, None


def gated(
    u: Tensor,
    identity: Tensor,
    normed: Tensor,
    norm: Norm,
    taps: Tensor,
    factor: float,
    out: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """relu(gate * norm(u) + identity), and the gates (N, C).

    Args:
        u: (N, C, H, W), dense.
        normed: Means (N, C) of norm(u).
        out: Where to write the output: ``u`` itself may be, since each tile is read
            before it is written, by nobody else. A new tensor if None.
    """
    gates, out = torch.empty_like(normed), torch.empty_like(u) if out is None else out
    inputs = u, dense(identity, u), normed, norm, taps, factor, taps.numel()
    run(eca_tail_kernel, u, cut_of(u).block_p, *inputs, out, gates)
    return out, gates


@triton.jit
def eca_tail_kernel(
    u,
    identity,
    normed,
    norm,
    taps,
    factor,
    K: tl.constexpr,
    out,
    gates,
    channels,
    pixels,
    cut: tl.constexpr,
):
    """relu(gate * norm(u) + identity), one tile a program, and the gates (N, C)."""
    BLOCK_C: tl.constexpr = cut.block_c
    BLOCK_P: tl.constexpr = cut.block_p
    p, n = tl.program_id(0) * BLOCK_P, tl.program_id(2)
    first = tl.program_id(1) * BLOCK_C
    start, offsets, mask = tile_at(n, first, p, channels, pixels, cut)
    # Loaded first, to be on their way while the gates are computed.
    value = load(u + start + offsets, mask)
    other = load(identity + start + offsets, mask)
    c = first + tl.arange(0, BLOCK_C)
    inside = c < channels
    logits = tl.zeros((BLOCK_C,), tl.float32)
    for k in tl.static_range(K):
        near = c + k - K // 2
        mean = load(normed + n * channels + near, (near >= 0) & (near < channels))
        logits += load(taps + k, True) * mean
    gate = factor * tl.sigmoid(logits)
    if p == 0:
        tl.store(gates + n * channels + c, gate, mask=inside)
    scale = gate * load(norm.weight + c, inside) * inverse_std(c, inside, norm)
    shift = gate * load(norm.bias + c, inside)
    value = (value - load(norm.mean + c, inside)[:, None]) * scale[:, None]
    value = relu(value + shift[:, None] + other)
    tl.store(out + start + offsets, value, mask=mask)
