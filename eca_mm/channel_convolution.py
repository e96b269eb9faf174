"""A convolution along the channels of a few images, as sums of shifted copies."""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from .fused import convolution_dtype


def channel_convolution(y: Tensor, weight: Tensor) -> Tensor:
    """``conv1d(y, weight)`` with padding of half a kernel, in fewer and cheaper steps.

    For so little work, k taps on N * C numbers, torch's convolutions on the CPU spend
    most of their time on overhead.

    Args:
        y: (N, C).
        weight: (1, 1, k), k odd.

    Returns:
        (N, C), in the dtype of a convolution.
    """
    dtype = convolution_dtype(y)
    return ChannelConvolution.apply(y.to(dtype), weight.to(dtype))


class ChannelConvolution(Function):
    """See :func:`channel_convolution`: nothing but ``y`` is kept for backward."""

    @staticmethod
    def forward(y, weight):
        return convolved(y, weight)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        y, weight = ctx.saved_tensors
        grad_weight = copies(y, weight.shape[2]) @ grad.reshape(-1)
        return convolved(grad, weight.flip(2)), grad_weight.reshape(weight.shape)


def convolved(y: Tensor, weight: Tensor) -> Tensor:
    return (weight.reshape(-1) @ copies(y, weight.shape[2])).reshape(y.shape)


def copies(y: Tensor, taps: int) -> Tensor:
    """(N, C) -> (k, NC): what each tap sees of the channels, padded with zeros."""
    channels = y.shape[1]
    padded = F.pad(y, (taps // 2, taps // 2))
    shifted = [padded[:, i : i + channels] for i in range(taps)]
    return torch.stack(shifted).reshape(taps, -1)
