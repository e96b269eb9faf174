"""The tail of a residual block in fewer passes over memory and with less saved.

A block ends in relu(gate * norm(conv(x)) + identity). Where the norm is affine, as a
batch norm in eval mode is (a * u + b), the tail is relu(scale * u + shift + identity)
with ``scale = gate * a`` and ``shift = gate * b``, (N, C) each. So are the means that
the gate needs: those of norm(u) are a * mean(u) + b, and where the convolution is 1x1
those of u are its weight times those of x, which has a quarter of the channels in a
Bottleneck. Nothing but x, the output, each image's scaled weights and (N, C) tensors is
then needed for backward: the output of the convolution, which a plain block saves too,
is not.

The gates themselves are left to autograd. A norm that learns from the batch is
:mod:`eca_mm.fused_norm`'s.

Backward passes are written in operators that autograd differentiates again and that
have a batching rule, so that second and batched gradients (``is_grads_batched``) work.
None is written for forward-mode derivatives or functorch's transforms: blocks are plain
there.
"""

import torch
from torch import Tensor
from torch.autograd import Function

from .channel_sums import sums_and_products
from .tail import tail

__all__ = ['channel_means', 'gated_projection', 'gated_tail']


def channel_means(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C), in float32 where ``x`` is narrower."""
    return ChannelMeans.apply(x)


def gated_projection(
    x: Tensor, weight: Tensor, scale: Tensor, shift: Tensor, identity: Tensor
) -> Tensor:
    """relu(scale * conv1x1(x) + shift + identity).

    Args:
        x: (N, C, H, W).
        weight: (K, C, 1, 1).
        scale, shift: (N, K).
        identity: (N, K, H, W).

    Returns:
        (N, K, H, W), in the dtype and memory format a convolution would return.
    """
    dtype = convolution_dtype(x)
    # (K, C, 1, 1) -> (1, K, C): of one image, gradients need no sum over images
    weights = (scale[..., None] * weight.flatten(1)[None]).to(dtype)
    return GatedProjection.apply(x.to(dtype), weights, shift, identity.to(dtype))


def gated_tail(
    u: Tensor, scale: Tensor, shift: Tensor, identity: Tensor, overwrite: bool = False
) -> Tensor:
    """relu(scale * u + shift + identity), in the dtype of ``u``.

    Args:
        u, identity: (N, C, H, W).
        scale, shift: (N, C).
        overwrite: Write the result over ``u`` where no gradient is asked for.
    """
    identity = identity.to(u.dtype)
    # Compiled, an output with channels last may not be named, and needs no help.
    eager = not torch.compiler.is_compiling()
    own = overwrite and u.dtype == scale.dtype
    if own and eager and not torch.is_grad_enabled():
        torch.addcmul(identity, u, per_pixel(scale, u), out=u)
        return u.add_(per_pixel(shift, u)).relu_()
    return GatedTail.apply(u, scale, shift, identity)


def convolution_dtype(x: Tensor) -> torch.dtype:
    """Dtype of a convolution of ``x``: autocast's, which leaves float64 alone."""
    device = x.device.type
    if torch.is_autocast_enabled(device) and x.dtype != torch.float64:
        return torch.get_autocast_dtype(device)
    return x.dtype


class ChannelMeans(Function):
    """See :func:`channel_means`: a mean whose gradient is not written out."""

    @staticmethod
    def forward(x):
        return x.mean((2, 3), dtype=torch.promote_types(x.dtype, torch.float32))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.shape, ctx.dtype = inputs[0].shape, inputs[0].dtype

    @staticmethod
    def backward(ctx, grad):
        height, width = ctx.shape[2:]
        return (
            (grad / (height * width)).to(ctx.dtype)[..., None, None].expand(ctx.shape)
        )


class GatedProjection(Function):
    """See :func:`gated_projection`; ``weights`` (N, K, C) are each image's, gated."""

    @staticmethod
    def forward(x, weights, shift, identity):
        out = matmul(weights, x, is_channels_last(x), shift.to(x.dtype))
        return out.add_(identity).relu_()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weights, shift, _ = inputs
        ctx.save_for_backward(x, weights, output)
        ctx.shift_dtype = shift.dtype
        # Asked here, because a batched gradient does not tell its own.
        ctx.channels_last = is_channels_last(x)

    @staticmethod
    def backward(ctx, grad):
        x, weights, out = ctx.saved_tensors
        grad = through_relu(grad, out)
        grad_x = matmul(weights.mT, grad, ctx.channels_last)
        # (N, K, HW) x (N, HW, C)
        grad_weights = rows(grad).bmm(rows(x).mT)
        return grad_x, grad_weights, sums(grad).to(ctx.shift_dtype), grad


class GatedTail(Function):
    """See :func:`gated_tail`."""

    @staticmethod
    def forward(u, scale, shift, identity):
        return tail(u, scale, shift, identity)

    @staticmethod
    def setup_context(ctx, inputs, output):
        u, scale, shift, _ = inputs
        ctx.save_for_backward(u, scale, output)
        ctx.shift_dtype = shift.dtype

    @staticmethod
    def backward(ctx, grad):
        u, scale, out = ctx.saved_tensors
        grad = through_relu(grad, out)
        grad_shift, grad_scale = sums_and_products(grad, u)
        grad_u = grad * per_pixel(scale, u)
        return grad_u, grad_scale.to(scale.dtype), grad_shift.to(ctx.shift_dtype), grad


def matmul(
    weight: Tensor, x: Tensor, channels_last: bool, bias: Tensor | None = None
) -> Tensor:
    """1x1 convolution of each image with weights of its own.

    Args:
        weight: (N, K, C).
        x: (N, C, H, W).
        channels_last: Memory format of the result.
        bias: (N, K).
    """
    first, second = weight, rows(x)
    if channels_last:  # a product is stored row by row: compute the transposed one
        first, second = second.mT, first.mT
    if bias is None:
        out = torch.bmm(first, second)
    else:
        bias = bias[:, None] if channels_last else bias[..., None]
        out = torch.baddbmm(bias, first, second)
    # (N, K, HW) -> (N, K, H, W)
    out = out.mT if channels_last else out
    return out.reshape(*out.shape[:2], *x.shape[2:])


def is_channels_last(x: Tensor) -> bool:
    """Whether ``x`` is stored pixel by pixel, and can only be read so."""
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def rows(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, HW), in either memory format a view.

    Not by ``flatten``, which has no batching rule for batched gradients.
    """
    n, channels, height, width = x.shape
    return x.reshape(n, channels, height * width)


def through_relu(grad: Tensor, out: Tensor) -> Tensor:
    """Gradient of a ReLU's input from that of its output ``out``."""
    return torch.ops.aten.threshold_backward(grad, out, 0)


def per_pixel(channels: Tensor, x: Tensor) -> Tensor:
    """(N, C) as a factor of ``x`` (N, C, H, W), in its dtype."""
    return channels.to(x.dtype)[..., None, None]


def sums(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C)."""
    return x.sum((2, 3))
