"""The tail of a block with any gate whose norm learns.

That is :mod:`eca_mm.fused_norm`, by kernels: the passes over memory are theirs; what is
computed of (N, C) tensors, the gates with it, is left to torch and autograd.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from eca_mm import fused_norm
from eca_mm.batch_statistics import BatchStatistics
from eca_mm.channel_sums import differentiates

from .norm import learn, with_shares
from .pool import Norm
from .tail import scaled, through_relu
from .tiles import dense


def normed_tail(
    u: Tensor, norm: nn.Module, gate: Callable[[Tensor], Tensor], identity: Tensor
) -> Tensor:
    """:func:`eca_mm.fused_norm.normed_tail`, with an identity."""
    group = fused_norm.ranks_of(norm)
    fused_norm.check_values(u, group)
    u = dense(u)
    learnt = learn(u.detach(), norm, group)
    mean, rstd = learnt.norm.mean, torch.rsqrt(learnt.norm.variance + norm.eps)
    statistics = BatchStatistics(mean, rstd, learnt.means / rstd, learnt.count)
    means, a, b, *carriers = Normed.apply(
        u, norm.weight, norm.bias, statistics, norm.eps, group
    )
    gates, identity = gate(means.to(u.dtype)), identity.to(u.dtype)
    return NormedTail.apply(u, gates, a, b, identity, mean, *carriers)


class Normed(fused_norm.Normed):
    """See :class:`eca_mm.fused_norm.Normed`."""

    @staticmethod
    def backward(ctx, grad_means, grad_a, grad_b, grad, factors):
        if differentiates(grad) or not ctx.needs_input_grad[0]:
            grads = grad_means, grad_a, grad_b, grad, factors
            return fused_norm.Normed.backward(ctx, *grads)
        u, weight, mean, rstd, offsets = ctx.saved_tensors
        total = grad_means.sum(0) + grad_b
        total_u = (grad_means * offsets).sum(0) + grad_a
        grads = (total_u * rstd).to(weight.dtype), total.to(weight.dtype)
        if ctx.group is not None:
            total, total_u = fused_norm.over_ranks(total, total_u, ctx.group)
        norm = Norm(mean, rstd**-2 - ctx.eps, weight.contiguous(), weight, ctx.eps)
        shift = weight * rstd * grad_means / (u.shape[2] * u.shape[3])
        rest = factors.contiguous(), shift, norm, total_u * rstd, total, ctx.count
        return with_shares(dense(grad, u), u, *rest), *grads, None, None, None


class NormedTail(fused_norm.NormedTail):
    """See :class:`eca_mm.fused_norm.NormedTail`."""

    @staticmethod
    def forward(ctx, u, gate, a, b, identity, mean, carrier, factors):
        out = scaled(u, gate * a, gate * b, dense(identity, u), center=mean)
        ctx.save_for_backward(u, gate, a, b, mean, out)
        return out

    @staticmethod
    def backward(ctx, grad):
        if differentiates(grad):
            return fused_norm.NormedTail.backward(ctx, grad)
        u, gate, a, b, mean, out = ctx.saved_tensors
        grad, sums = through_relu(grad, out, u, center=mean)
        total, total_u = sums.unbind(1)
        grad_gate = torch.addcmul(b * total, a, total_u).to(gate.dtype)
        grad_a, grad_b = (gate * total_u).sum(0), (gate * total).sum(0)
        return None, grad_gate, grad_a, grad_b, grad, None, grad, gate * a
