"""The tail of a residual block whose norm learns from the batch, with less saved.

relu(gate * norm(u) + identity), where the norm is a batch norm in training mode and the
gates come from the means of its output. That is affine, too, once the statistics of the
batch are known: norm(u) = a * (u - mean) + b with a = weight * rstd and b = bias; so
are the means, a * (an image's mean - mean) + b. One pass over u finds the statistics
and each image's means, another one makes the output of u and the other branch. Nothing
but u, the output and tensors of (N, C) is kept for backward, where a plain block
with attention keeps the norm's output, too. Against such a block these are also fewer
passes over memory; against one without attention they are about as many.

Backward is two functions, with the gates' own graph between them. The later one tells
the earlier one the gradient behind the ReLU and the factors (N, C) to multiply it by,
as gradients of two tensors that serve for nothing else: the gradient of u, with the
shares of means and variance, is then written once.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.autograd import Function

from .batch_statistics import batch_statistics
from .channel_sums import differentiates, sums_and_products
from .fused import through_relu
from .tail import scaled, tail

__all__ = ['normed_tail']


def normed_tail(
    u: Tensor,
    norm: nn.Module,
    gate: Callable[[Tensor], Tensor],
    identity: Tensor | None = None,
) -> Tensor:
    """relu(gate * norm(u) + identity), in the dtype of ``u``.

    Args:
        u: (N, C, H, W).
        norm: A BatchNorm2d or SyncBatchNorm in training mode, affine. Its running
            statistics are updated.
        gate: From the means of norm(u) (N, C) to gates (N, C).
        identity: (N, C, H, W); without one neither is there a ReLU.

    Raises:
        ValueError: There is one value a channel, in all.
    """
    group = ranks_of(norm)
    check_values(u, group)
    statistics = batch_statistics(u, norm, group)
    means, a, b, *carriers = Normed.apply(
        u, norm.weight, norm.bias, statistics, norm.eps, group
    )
    gates = gate(means.to(u.dtype))
    identity = None if identity is None else identity.to(u.dtype)
    return NormedTail.apply(u, gates, a, b, identity, statistics.mean, *carriers)


def check_values(u: Tensor, group: dist.ProcessGroup | None) -> None:
    """Raises ValueError where a norm would learn from one value a channel."""
    if group is None and u.shape[0] * u.shape[2] * u.shape[3] == 1:
        raise ValueError(
            'Expected more than 1 value per channel when training, got input size '
            f'{u.shape}'
        )


def ranks_of(norm: nn.Module) -> dist.ProcessGroup | None:
    """The processes over which a norm is synchronised, None if there is just this."""
    if type(norm) is not nn.SyncBatchNorm or not dist.is_initialized():
        return None
    group = norm.process_group or dist.group.WORLD
    return group if dist.get_world_size(group) > 1 else None


class Normed(Function):
    """A norm without its passes over memory.

    From u (N, C, H, W), weight and bias (C,) to the means (N, C) of norm(u); to a and b
    (C,), with which norm(u) = a * (u - mean) + b; and to two carriers of gradients, as
    (N, C, H, W) and (N, C), that take no memory.
    """

    @staticmethod
    def forward(ctx, u, weight, bias, statistics, eps, group):
        mean, rstd, offsets, count = statistics
        ctx.save_for_backward(u, weight, mean, rstd, offsets)
        ctx.count, ctx.eps, ctx.group = count, eps, group
        a, b = weight * rstd, bias.to(rstd.dtype, copy=True)
        means = torch.addcmul(b, a, offsets)
        carriers = (x.new_zeros(()).expand(x.shape) for x in (u, means))
        return means, a, b, *carriers

    @staticmethod
    def backward(ctx, grad_means, grad_a, grad_b, grad, factors):
        u, weight, mean, rstd, offsets = ctx.saved_tensors
        if torch.is_grad_enabled():
            fixed = mean
            mean, rstd, offsets = differentiable(u, ctx.eps, ctx.group)
            # b is bias - a * (mean - fixed): nothing, until it is differentiated again.
            grad_a = grad_a - (mean - fixed) * grad_b
        # Of the norm's output, and of its product with u - mean, over all pixels.
        total = grad_means.sum(0) + grad_b
        total_u = (grad_means * offsets).sum(0) + grad_a
        grads = (total_u * rstd).to(weight.dtype), total.to(weight.dtype)
        if ctx.needs_input_grad[0]:
            if ctx.group is not None:
                total, total_u = over_ranks(total, total_u, ctx.group)
            a = weight * rstd
            slope = rstd.square() * total_u * (a / -ctx.count)
            pixels = u.shape[2] * u.shape[3]
            shift = a * (grad_means / pixels - total / ctx.count)
            grad_u = combined(grad, factors, u, mean, slope, shift)
        else:
            grad_u = None
        return grad_u, *grads, None, None, None


class NormedTail(Function):
    """relu(gate * (a * (u - mean) + b) + identity), see :func:`normed_tail`.

    The gradient of u is left to :class:`Normed`, by the two carriers.
    """

    @staticmethod
    def forward(ctx, u, gate, a, b, identity, mean, carrier, factors):
        scale = gate * a
        # With the factors as they were rounded, whose errors then cancel.
        shift = (gate * b - mean * scale).to(scale.dtype)
        out = tail(u, scale, shift, identity)
        saved = None if identity is None else out
        ctx.save_for_backward(u, gate, a, b, mean, saved)
        return out

    @staticmethod
    def backward(ctx, grad):
        u, gate, a, b, mean, out = ctx.saved_tensors
        grad_identity = None
        if out is not None:
            grad = grad_identity = through_relu(grad, out)
        total, total_u = sums_and_products(grad, u, mean)
        grad_gate = torch.addcmul(b * total, a, total_u).to(gate.dtype)
        grad_a, grad_b = (gate * total_u).sum(0), (gate * total).sum(0)
        carriers = grad, gate * a
        return None, grad_gate, grad_a, grad_b, grad_identity, None, *carriers


def combined(
    grad: Tensor, factors: Tensor, u: Tensor, mean: Tensor, slope: Tensor, shift: Tensor
) -> Tensor:
    """factors * grad + slope * (u - mean) + shift, in the dtype of ``u``.

    Args:
        grad, u: (N, C, H, W).
        factors, shift: (N, C).
        mean, slope: (C,).
    """
    if differentiates(grad):
        factors, shift = factors[..., None, None], shift[..., None, None]
        mean, slope = mean.to(slope.dtype)[:, None, None], slope[:, None, None]
        return (grad * factors + (u - mean) * slope + shift).to(u.dtype)
    shift = (shift - mean * slope).to(shift.dtype)
    out = scaled(u, slope.expand_as(shift), shift, shift.dtype)
    return out.addcmul_(grad, factors[..., None, None]).to(u.dtype)


def differentiable(
    u: Tensor, eps: float, group: dist.ProcessGroup | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, rstd and offsets once more, as functions of u: for second gradients.

    Raises:
        RuntimeError: They are those of several ranks. torch's SyncBatchNorm has no
            second gradients, either.
    """
    if group is not None:
        raise RuntimeError('a synchronised batch norm has no second gradients')
    u = u.to(torch.promote_types(u.dtype, torch.float32))
    means = u.mean((2, 3))
    mean = means.mean(0)
    variance = (u - mean[:, None, None]).square().mean((0, 2, 3))
    return mean, torch.rsqrt(variance + eps), means - mean


def over_ranks(
    total: Tensor, total_u: Tensor, group: dist.ProcessGroup
) -> tuple[Tensor, Tensor]:
    """Sums (C,) over all ranks, exchanged as torch's SyncBatchNorm does."""
    sums = torch.cat([total, total_u])
    dist.all_reduce(sums, group=group)
    return sums.tensor_split(2)
