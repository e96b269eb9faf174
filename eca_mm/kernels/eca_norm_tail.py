"""The end of a block with ECA whose norm learns: three launches forward, four backward.

As :mod:`.eca_tail`, with the statistics of the batch found in the pass that pools. Over
several ranks the norm is synchronised as by torch's SyncBatchNorm.
"""

import torch
from torch import Tensor, nn
from torch.autograd import Function

from eca_mm import fused, fused_norm
from eca_mm.channel_sums import differentiates

from .eca_tail import gated
from .gradients import plain_gradients, second_gradients
from .norm import learn, with_shares
from .pool import Norm
from .small import small_gradients
from .tail import through_relu
from .tiles import dense


def eca_normed_tail(
    u: Tensor, norm: nn.Module, taps: Tensor, identity: Tensor, factor: float = 1
) -> Tensor:
    """relu(eca(norm(u)) + identity), in the dtype and memory format of ``u``.

    Gradients of gradients, and batches of them at once, take plain operators.

    Args:
        u, identity: (N, C, H, W).
        norm: A BatchNorm2d or SyncBatchNorm in training mode, affine. Its running
            statistics are updated.
        taps: (1, 1, k), k odd.
        factor: Of the gates: 2 where they begin as the identity.

    Raises:
        ValueError: There is one value a channel, in all.
    """
    group = fused_norm.ranks_of(norm)
    fused_norm.check_values(u, group)
    weights = norm.weight, norm.bias
    return ECANormedTail.apply(
        u, identity.to(u.dtype), taps, *weights, norm, group, factor
    )


class ECANormedTail(Function):
    """See :func:`eca_normed_tail`."""

    @staticmethod
    def forward(ctx, u, identity, taps, weight, bias, module, group, factor):
        u, taps = dense(u), taps.contiguous()
        norm, means, normed, count = learn(u, module, group)
        out, gates = gated(u, identity, normed, norm, taps, factor)
        kept = u, out, means, normed, gates, taps, norm.mean, norm.variance
        ctx.save_for_backward(*kept, weight, bias)
        ctx.eps, ctx.factor, ctx.group, ctx.count = norm.eps, factor, group, count
        return out

    @staticmethod
    def backward(ctx, grad):
        u, out, *small, taps, mean, variance, weight, bias = ctx.saved_tensors
        norm = Norm(mean, variance, weight.contiguous(), bias.contiguous(), ctx.eps)
        rest = *small, taps, norm, ctx.factor, u.shape[2] * u.shape[3]
        if differentiates(grad):
            grad = fused.through_relu(grad, out)
            grad_u, *rest = plain(ctx, grad, u, taps, norm, rest)
        else:
            grad, sums = through_relu(grad, out, u, center=mean)
            scale, shift, *rest = small_gradients(sums, *rest)
            grad_u = None
            if ctx.needs_input_grad[0]:
                _, total_weight, total_bias = rest
                if ctx.group is not None:
                    # As torch's: a rank whose block is plain exchanges with this one.
                    rstd = torch.rsqrt(variance + ctx.eps)
                    total_bias, total_u = fused_norm.over_ranks(
                        total_bias, total_weight / rstd, ctx.group
                    )
                    total_weight = total_u * rstd
                totals = total_weight, total_bias
                grad_u = with_shares(grad, u, scale, shift, norm, *totals, ctx.count)
        return grad_u, grad, *rest, None, None, None


def plain(
    ctx, grad: Tensor, u: Tensor, taps: Tensor, norm: Norm, rest: tuple
) -> tuple[Tensor | None, ...]:
    """Gradients of u, the taps, the norm's weight and its bias, by plain operators.

    Raises:
        RuntimeError: They are those of several ranks. torch's SyncBatchNorm has none
            that could be differentiated again or batched, either.
    """
    if ctx.group is not None:
        raise RuntimeError('a synchronised batch norm has no second gradients')
    if torch.is_grad_enabled():
        wanted = [ctx.needs_input_grad[i] for i in (0, 2, 3, 4)]
        return second_gradients(grad, u, taps, norm, ctx.factor, wanted, learns=True)
    return plain_gradients(grad, u, *rest, count=ctx.count)
