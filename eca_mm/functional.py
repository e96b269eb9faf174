"""Efficient channel attention in plain torch: the reference for everything else.

Wang et al., "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural
Networks", CVPR 2020 (arXiv 1910.03151v4), section 3.2.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ['adaptive_kernel_size', 'eca', 'eca_gate', 'eca_tail', 'scale_channels']


def adaptive_kernel_size(channels: int, gamma: float = 2, beta: float = 1) -> int:
    """Kernel size of ECA for a number of channels, equation 12: |log2(C)/g + b/g|_odd.

    "Nearest odd" is read as in the authors' code (BangguWu/ECANet): truncate, then
    add one to an even result. 64 -> 3, 128 to 1024 -> 5, 2048 -> 7.

    Raises:
        TypeError: ``channels`` is not an int.
        ValueError: ``channels`` is below 1, or ``gamma`` is 0.
    """
    if not isinstance(channels, int) or isinstance(channels, bool):
        raise TypeError(f'channels must be an int, got {channels!r}')
    if channels < 1:
        raise ValueError(f'channels must be at least 1, got {channels}')
    if gamma == 0:
        raise ValueError('gamma must not be 0')
    t = int(abs((math.log2(channels) + beta) / gamma))
    return t if t % 2 else t + 1


def eca_gate(x: Tensor, weight: Tensor) -> Tensor:
    """Channel gates, equation 9: sigmoid(C1D_k(GAP(x))).

    So also the authors' code and drawing (models/eca_module.py, figures/eca_module.jpg
    of BangguWu/ECANet). The channels at both ends see zeros beyond the border.

    Args:
        x: Feature map (N, C, H, W).
        weight: Taps (1, 1, k), k odd, shared by all channels.

    Returns:
        Gates (N, C) in (0, 1).
    """
    # (N, C, H, W) -> (N, 1, C): the channels are the sequence of the convolution.
    squeezed = x.mean(dim=(2, 3)).unsqueeze(1)
    mixed = F.conv1d(squeezed, weight, padding=weight.shape[-1] // 2)
    return torch.sigmoid(mixed).squeeze(1)


def scale_channels(x: Tensor, gate: Tensor) -> Tensor:
    """Multiply each channel of ``x`` (N, C, H, W) by its ``gate`` (N, C)."""
    # Under autocast a gate may be wider than x; the output keeps the dtype of x.
    return x * gate.to(x.dtype)[:, :, None, None]


def eca(x: Tensor, weight: Tensor) -> Tensor:
    """Efficient channel attention: ``x`` (N, C, H, W), taps ``weight`` (1, 1, k)."""
    return scale_channels(x, eca_gate(x, weight))


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
) -> Tensor:
    """The tail of a residual block: relu(eca(norm(u)) + identity).

    Args:
        u: Output of the last convolution (N, C, H, W).
        identity: The other branch (N, C, H, W).
        taps: As ``weight`` of :func:`eca_gate`.
        running_mean, running_var, weight, bias, eps: The batch norm, in eval mode.
        factor: Of the gates: 2 where they begin as the identity.
    """
    y = F.batch_norm(u, running_mean, running_var, weight, bias, eps=eps)
    gate = factor * eca_gate(y, taps)
    return torch.relu(scale_channels(y, gate) + identity)
