"""Gradients of a tail with ECA by plain operators, where no kernel can serve."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from eca_mm.functional import eca
from eca_mm.fused import sums

from .pool import Norm


def plain_gradients(
    grad: Tensor,
    u: Tensor,
    means: Tensor,
    normed: Tensor,
    gates: Tensor,
    taps: Tensor,
    norm: Norm,
    factor: float,
    pixels: int,
    count: int | None = None,
) -> tuple[Tensor, ...]:
    """What the kernels compute, of a batch of gradients whose memory none can read.

    Args:
        grad: Gradient of the ReLU's input (N, C, H, W).
        u: Input of the norm (N, C, H, W).
        means, normed, gates: (N, C), as the forward pass kept them.
        count: Pixels in the batch that the norm learnt from, None if it did not.

    Returns:
        Gradients of u, the taps, the norm's weight and its bias.
    """
    total = sums(grad.float())
    difference = u - norm.mean[:, None, None]
    total_u = sums(grad * difference)
    inverse, half = torch.rsqrt(norm.variance + norm.eps), taps.numel() // 2
    grad_gate = norm.weight * inverse * total_u + norm.bias * total
    grad_logit = grad_gate * gates * (1 - gates / factor)
    wide_taps = taps.to(gates.dtype)
    # Each logit saw the means of its neighbours: (N, C) as sequences (N, 1, C).
    grad_mean = F.conv1d(grad_logit[:, None], wide_taps.flip(-1), padding=half)[:, 0]
    # (N, C) -> (N, C, k), the neighbours of each channel
    neighbours = F.pad(normed, (half, half)).unfold(1, taps.numel(), 1)
    grad_taps = (grad_logit[..., None] * neighbours).sum((0, 1)).to(taps.dtype)
    grad_weight = (gates * total_u * inverse + grad_mean * means).sum(0)
    grad_bias = (gates * total + grad_mean).sum(0)
    factors = norm.weight * inverse
    scale, shift = gates * factors, grad_mean * factors / pixels
    grad_u = grad * scale[..., None, None] + shift[..., None, None]
    if count is not None:
        slope, offset = inverse * grad_weight, grad_bias
        shares = difference * slope[:, None, None] + offset[:, None, None]
        grad_u = grad_u - shares * (factors / count)[:, None, None]
    return grad_u.to(u.dtype), grad_taps.reshape(taps.shape), grad_weight, grad_bias


def second_gradients(
    grad: Tensor,
    u: Tensor,
    taps: Tensor,
    norm: Norm,
    factor: float,
    wanted: Sequence[bool],
    learns: bool = False,
) -> list[Tensor | None]:
    """Gradients that autograd differentiates again: those of the plain operators.

    Args:
        grad: Gradient of the ReLU's input (N, C, H, W).
        wanted: Which of u, the taps, the norm's weight and its bias want a gradient.
        learns: Whether the norm's statistics are those of u.
    """
    mean, variance = (None, None) if learns else (norm.mean, norm.variance)
    inputs = [u, taps, norm.weight, norm.bias]
    with torch.enable_grad():
        affine = norm.weight, norm.bias
        y = F.batch_norm(u, mean, variance, *affine, training=learns, eps=norm.eps)
        y = factor * eca(y, taps.to(y.dtype))
        leaves = [x for x, asked in zip(inputs, wanted, strict=True) if asked]
        found = iter(torch.autograd.grad(y, leaves, grad, create_graph=True))
    return [next(found) if asked else None for asked in wanted]
