"""How a residual block's tail is computed by :mod:`eca_mm.fused`."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eca_mm import kernels
from eca_mm.channel_convolution import channel_convolution
from eca_mm.fused import channel_means, gated_projection, gated_tail
from eca_mm.fused_norm import normed_tail
from eca_mm.layers.base import ChannelAttention

from .fusable import is_plain_eca, watched


def fused_tail(
    x: Tensor,
    conv: nn.Module,
    norm: nn.BatchNorm2d,
    attention: ChannelAttention,
    identity: Tensor,
    how: bool | str = True,
) -> Tensor:
    """relu(attention(norm(conv(x))) + identity).

    Args:
        x: Input (N, C, H, W) of the block's last convolution.
        identity: The block's other branch, of the output's shape.
        how: ``fused_tail`` of the block.
    """
    own = is_own(conv)
    if kernels.chosen(x, how):
        return triton_end(conv(x), norm, attention, identity, own)
    if norm.training:
        return normed_tail(conv(x), norm, gate_of(attention), identity)
    a, b = affine(norm)
    projects = own and is_projection(conv) and pays_off(x)
    if projects:
        with torch.autocast(x.device.type, enabled=False):
            # (K, C, 1, 1) -> (K, C)
            weight = conv.weight.flatten(1).to(a.dtype)
            means = F.linear(channel_means(x), weight)
    else:
        x = conv(x)
        means = channel_means(x)
    gate = attention.gate(torch.addcmul(b, a, means).to(x.dtype))
    scale, shift = gate * a, gate * b
    if projects:
        return gated_projection(x, conv.weight, scale, shift, identity)
    return gated_tail(x, scale, shift, identity, overwrite=own)


def fused_gate(u: Tensor, norm: nn.Module, attention: ChannelAttention) -> Tensor:
    """attention(norm(u)), where there is neither an addition nor a ReLU behind it."""
    if norm.training:
        return normed_tail(u, norm, gate_of(attention))
    a, b = affine(norm)
    gate = attention.gate(torch.addcmul(b, a, channel_means(u)).to(u.dtype))
    # Rounded once, at the end: norm and gate cancel digits where means are large.
    shift, scale = ((gate * x)[..., None, None] for x in (b, a))
    return torch.addcmul(shift, u, scale).to(u.dtype)


def gate_of(attention: ChannelAttention) -> Callable[[Tensor], Tensor]:
    """Its gate from means (N, C) on the CPU, an ECA's by a quicker convolution."""
    if not is_plain_eca(attention):
        return attention.gate
    taps = attention.conv.weight
    return lambda y: attention.squash(channel_convolution(y, taps))


def pays_off(x: Tensor) -> bool:
    """Whether to gate the weights of a projection of ``x`` (N, C, H, W).

    Not on a GPU: cuDNN's convolutions use TF32, and products image by image by default
    do not. On the CPU if there are more pixels than channels: a projection passes over
    gated weights (N, K, C) where a tail passes over feature maps (N, K, H, W), about as
    often. Of the plain tail's CPU time (1 thread of a busy Xeon, conv3 included, the
    addition not yet in place) projection and tail took in a training step 1.35 and 1.09
    in c5 of a 480x640 image (512 channels, 300 pixels), 1.40 and 1.05 with two images,
    1.07 and 1.21 in its c4, 1.00 and 1.10 in c5 of 800x1216 (950 pixels); in inference
    in c5 of 480x640 1.30 and 1.09.
    """
    channels, height, width = x.shape[1:]
    return x.device.type == 'cpu' and channels <= height * width


def triton_end(
    u: Tensor,
    norm: nn.BatchNorm2d,
    attention: ChannelAttention,
    identity: Tensor,
    overwrite: bool,
) -> Tensor:
    """relu(attention(norm(u)) + identity) by the GPU kernels.

    Args:
        overwrite: Write over ``u`` where the norm is in eval mode and no gradient is
            asked for.
    """
    from eca_mm.kernels.eca_norm_tail import eca_normed_tail
    from eca_mm.kernels.eca_tail import eca_tail
    from eca_mm.kernels.gated_norm import normed_tail
    from eca_mm.kernels.pool import channel_means
    from eca_mm.kernels.tail import gated_tail

    if is_plain_eca(attention):
        taps, factor = attention.conv.weight, 1 + attention.identity_init
        if norm.training:
            return eca_normed_tail(u, norm, taps, identity, factor)
        statistics = norm.running_mean, norm.running_var
        weights = norm.weight, norm.bias, norm.eps
        return eca_tail(u, identity, taps, *statistics, *weights, factor, overwrite)
    if norm.training:
        return normed_tail(u, norm, attention.gate, identity)
    a, b = affine(norm)
    gate = attention.gate(torch.addcmul(b, a, channel_means(u)).to(u.dtype))
    return gated_tail(u, gate * a, gate * b, identity, overwrite)


def affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """(C,) each, by which the norm in eval mode is a * u + b; at least float32."""
    wide = torch.promote_types(norm.weight.dtype, torch.float32)
    a = norm.weight * torch.rsqrt(norm.running_var.to(wide) + norm.eps)
    return a, torch.addcmul(norm.bias, norm.running_mean, a, value=-1)


def is_own(conv: nn.Module) -> bool:
    """Whether a module is a convolution whose output nobody but the block sees."""
    return type(conv) is nn.Conv2d and not watched([conv])


def is_projection(conv: nn.Conv2d) -> bool:
    """Whether a convolution is a plain 1x1 one."""
    return (
        conv.kernel_size == conv.stride == (1, 1)
        and conv.padding == (0, 0)
        and conv.groups == 1
        and conv.bias is None
    )
