"""Passes over a block's output, with factors for each image and channel.

Written for the CPU, and not for autograd: what calls these has a backward pass.
"""

import torch
from torch import Tensor

from .channel_sums import as_images


def tail(u: Tensor, scale: Tensor, shift: Tensor, identity: Tensor | None) -> Tensor:
    """relu(scale * u + shift + identity) or scale * u + shift, in the dtype of ``u``.

    Args:
        u, identity: (N, C, H, W), of one dtype.
        scale, shift: (N, C), at least float32.
    """
    if identity is None:
        return scaled(u, scale, shift)
    scale, shift = scale[..., None, None], shift[..., None, None]
    if u.dtype == scale.dtype:
        # Not by torch's _add_relu_, which would save a pass: it makes infinity finite.
        return torch.addcmul(identity, u, scale).add_(shift).relu_()
    return (u * scale).add_(shift).add_(identity).relu_().to(u.dtype)


def scaled(
    u: Tensor, scale: Tensor, shift: Tensor, dtype: torch.dtype | None = None
) -> Tensor:
    """scale * u + shift, in a dtype or that of ``u``.

    Args:
        u: (N, C, H, W).
        scale, shift: (N, C).
    """
    n, channels, height, width = u.shape
    if as_images(u) is None or not u.is_contiguous():
        out = (u * scale[..., None, None]).add_(shift[..., None, None])
        return out.to(dtype or u.dtype)
    # No other operator has both in one pass; in eval mode, with a mean of 0 and a
    # variance of 1.
    zero, one = shift.new_zeros(n * channels), shift.new_ones(n * channels)
    factors = scale.reshape(-1), shift.reshape(-1), zero, one
    image = u.view(1, n * channels, height, width)
    return torch.native_batch_norm(image, *factors, False, 0.0, 0.0)[0].view_as(u)
