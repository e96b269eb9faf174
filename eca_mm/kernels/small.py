"""Gradients of all small tensors of an end with ECA, in one launch and a sum."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .pool import Norm, add_up, float32, inverse_std, load
from .quick_launch import launch

# Images and channels of a program on small tensors: 64 programs for 2048 channels.
BLOCK_N, BLOCK_C = 16, 32


def small_gradients(
    grad_sums: Tensor,
    means: Tensor,
    normed: Tensor,
    gates: Tensor,
    taps: Tensor,
    norm: Norm,
    factor: float,
    pixels: int,
) -> tuple[Tensor, ...]:
    """Gradients of all but the feature maps.

    Args:
        grad_sums: (N, 2, C), see :func:`through_relu`.
        means, normed: (N, C), see :func:`means_of`.
        gates: (N, C).

    Returns:
        ``scale`` and ``shift`` (N, C), by which the gradient of u is scale * gradient +
        shift, and the gradients of the taps, the norm's weight and its bias.
    """
    n, c = means.shape
    blocks, k = triton.cdiv(c, BLOCK_C), taps.numel()
    scale, shift = torch.empty_like(means), torch.empty_like(means)
    # Ranks exchange them as they are; autograd casts to what the weights are in.
    grad_weight, grad_bias = float32(means, c), float32(means, c)
    grad_taps = float32(means, 1, blocks, k)
    small = grad_sums, means, normed, gates, taps, norm, factor
    grads = scale, shift, grad_taps, grad_weight, grad_bias
    sizes = n, c, pixels, k, triton.next_power_of_2(k), BLOCK_N, BLOCK_C
    launch(small_gradients_kernel, (blocks,), means, *small, grads, *sizes)
    grad_taps = add_up(grad_taps, torch.empty_like(taps))
    return scale, shift, grad_taps, grad_weight, grad_bias


@triton.jit
def small_gradients_kernel(
    grad_sums,
    means,
    normed,
    gates,
    taps,
    norm,
    factor,
    grads,
    batch,
    channels,
    pixels,
    K: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_C: tl.constexpr,
):
    """See :func:`small_gradients`; a block of channels a program, images in turns."""
    scale, shift, grad_taps, grad_weight, grad_bias = grads
    block, tap = tl.program_id(0), tl.arange(0, BLOCK_K)
    channel = block * BLOCK_C + tl.arange(0, BLOCK_C)
    c = channel[None, :]
    inside_c = c < channels
    inverse = inverse_std(c, inside_c, norm)
    total_taps = tl.zeros((BLOCK_K,), tl.float32)
    total_weight = tl.zeros((BLOCK_N, BLOCK_C), tl.float32)
    total_bias = tl.zeros((BLOCK_N, BLOCK_C), tl.float32)
    for first in range(0, batch, BLOCK_N):
        n = first + tl.arange(0, BLOCK_N)[:, None]
        grad_logit = logit_gradient(
            n, c, n < batch, grad_sums, gates, norm, factor, channels
        )
        grad_mean = tl.zeros((BLOCK_N, BLOCK_C), tl.float32)  # of the norm's output
        for k in tl.static_range(K):
            near = c - k + K // 2
            grad_mean += load(taps + k, True) * logit_gradient(
                n, near, n < batch, grad_sums, gates, norm, factor, channels
            )
            near = c + k - K // 2
            inside = (n < batch) & (near >= 0) & (near < channels)
            product = grad_logit * load(normed + n * channels + near, inside)
            total_taps += tl.where(tap == k, tl.sum(product), 0.0)
        inside = (n < batch) & inside_c
        grad_mean = tl.where(inside, grad_mean, 0.0)
        place = n * channels + c
        gate = load(gates + place, inside)
        factors = load(norm.weight + c, inside_c) * inverse
        tl.store(scale + place, gate * factors, mask=inside)
        tl.store(shift + place, grad_mean * factors / pixels, mask=inside)
        total = load(grad_sums + 2 * n * channels + c, inside)
        total_u = load(grad_sums + (2 * n + 1) * channels + c, inside)
        total_weight += gate * total_u * inverse + grad_mean * load(
            means + place, inside
        )
        total_bias += gate * total + grad_mean
    inside = channel < channels
    tl.store(grad_weight + channel, tl.sum(total_weight, 0), mask=inside)
    tl.store(grad_bias + channel, tl.sum(total_bias, 0), mask=inside)
    tl.store(grad_taps + block * K + tap, total_taps, mask=tap < K)


@triton.jit
def logit_gradient(n, c, inside, grad_sums, gates, norm, factor, channels):
    """Gradients of the gates' logits, zero where no image or channel is."""
    inside_c = (c >= 0) & (c < channels)
    inside &= inside_c
    gate = load(gates + n * channels + c, inside)
    total = load(grad_sums + 2 * n * channels + c, inside)
    total_u = load(grad_sums + (2 * n + 1) * channels + c, inside)
    scale = load(norm.weight + c, inside_c) * inverse_std(c, inside_c, norm)
    grad_gate = scale * total_u + load(norm.bias + c, inside_c) * total
    return grad_gate * gate * (1 - gate / factor)
