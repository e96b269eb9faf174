"""The end of a residual block in fewer passes over memory and with less saved.

A block ends in relu(gate * norm(conv(x)) + identity). Where the norm is affine, as a
batch norm in eval mode is (a * u + b), the end is relu(scale * u + shift + identity)
with ``scale = gate * a`` and ``shift = gate * b``, (N, C) each. So are the means that
the gate needs: those of norm(u) are a * mean(u) + b, and where the convolution is 1x1
those of u are its weight times those of x, which has a quarter of the channels in a
Bottleneck. Nothing but x, the output, each image's scaled weights and (N, C) tensors is
then needed for backward: the output of the convolution, which a plain block saves too,
is not.

The gates themselves are left to autograd.

Backward passes are written in operators that autograd differentiates again and that
have a batching rule, so that second and batched gradients (``is_grads_batched``) work.
None is written for forward-mode derivatives or functorch's transforms: blocks are plain
there.
"""

import torch
from torch import Tensor
from torch.autograd import Function

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
    if overwrite and not torch.is_grad_enabled():
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
        out = torch.addcmul(identity, u, per_pixel(scale, u))
        return out.add_(per_pixel(shift, u)).relu_()

    @staticmethod
    def setup_context(ctx, inputs, output):
        u, scale, shift, _ = inputs
        ctx.save_for_backward(u, scale, output)
        ctx.shift_dtype = shift.dtype

    @staticmethod
    def backward(ctx, grad):
        u, scale, out = ctx.saved_tensors
        grad = through_relu(grad, out)
        grad_shift, grad_scale = gradient_sums(grad, u)
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


def gradient_sums(
    grad: Tensor, u: Tensor, center: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sums of grad and of grad * (u - center) over the pixels, (N, C) each.

    Args:
        grad, u: (N, C, H, W).
        center: (C,), 0 if none is given.
    """
    images = None if differentiates(grad) else as_images(grad, u)
    if images is None:
        wide = torch.promote_types(grad.dtype, torch.float32)
        u = u if center is None else u - center.to(wide)[:, None, None]
        return tuple(x.sum((2, 3), dtype=wide) for x in (grad, grad * u))
    # As the gradient of a batch norm's bias and weight: no other operator has the sum
    # of a product without writing the product, which takes three times as long.
    n, channels = u.shape[:2]
    center = u.new_zeros(channels) if center is None else center.to(u.dtype)
    # As many images and channels as there are in the images.
    centers = center.expand(n, channels).reshape(len(images[0]), -1)
    rstd = torch.ones_like(centers[0])
    found = [
        torch.ops.aten.native_batch_norm_backward(
            g[None], x[None], None, None, None, c, rstd, True, 0, [False, True, True]
        )[1:]
        for g, x, c in zip(*images, centers, strict=True)
    ]
    products, totals = map(torch.cat, zip(*found, strict=True))
    return totals.view(n, channels), products.view(n, channels)


def as_images(*tensors: Tensor) -> list[Tensor] | None:
    """Tensors (N, C, H, W) as few images of many channels, if the CPU can sum those.

    That is as one of NC channels, or with channels last as they are. None where they
    differ in their dtypes or formats, or a sum needs a wider dtype.
    """
    kinds = {(t.device.type, t.dtype) for t in tensors}
    if kinds not in ({('cpu', torch.float32)}, {('cpu', torch.float64)}):
        return None
    if all(t.is_contiguous() for t in tensors):
        return [t.view(1, -1, *t.shape[2:]) for t in tensors]
    if all(t.is_contiguous(memory_format=torch.channels_last) for t in tensors):
        return list(tensors)
    return None


def differentiates(grad: Tensor) -> bool:
    """Whether a backward pass is differentiated again, batched or traced itself.

    It must then be written in operators for which autograd and ``vmap`` have rules.
    """
    return torch.compiler.is_compiling() or torch.is_grad_enabled() or is_batched(grad)


def is_batched(grad: Tensor) -> bool:
    """Whether a gradient stands for a batch of them, whose memory nothing can read.

    It does under ``is_grads_batched`` and where a backward pass runs in ``vmap``, which
    are two mechanisms; torch has no public name for either.
    """
    functorch = torch._C._functorch
    return functorch.is_legacy_batchedtensor(grad) or functorch.is_batchedtensor(grad)
