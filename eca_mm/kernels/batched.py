"""Backward passes of a batch of gradients at once, which no kernel here can read."""

import torch
from torch import Tensor
from torch.nn import functional as F

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
) -> tuple[Tensor, ...]:
    """What the kernels compute of an end's gradient, by plain operators.

    Args:
        grad: Gradient of the ReLU's input (N, C, H, W).
        u: Input of the norm (N, C, H, W).
        means, normed, gates: (N, C), as the forward pass kept them.

    Returns:
        Gradients of u, the taps, the norm's weight and its bias.
    """
    total = sums(grad.float())
    total_u = sums(grad * (u - norm.mean[:, None, None]))
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
    grad_u = (grad * scale[..., None, None] + shift[..., None, None]).to(u.dtype)
    return grad_u, grad_taps.reshape(taps.shape), grad_weight, grad_bias
