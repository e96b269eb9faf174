"""When and how a residual block's end is computed by :mod:`eca_mm.fused`."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F
from torch.nn.modules.module import _has_any_global_hook

from eca_mm import kernels
from eca_mm.fused import channel_means, gated_projection, gated_tail, per_pixel
from eca_mm.fused_norm import normed_tail
from eca_mm.layers.base import ChannelAttention
from eca_mm.layers.eca import ECA

try:
    from torch.compiler import is_exporting
except ImportError:  # an older torch, which cannot tell: blocks stay plain

    def is_exporting() -> bool:
        return True


def check_fused_tail(fused_tail: bool | str) -> bool | str:
    """Return a bool or 'triton' unchanged.

    Raises:
        ValueError: It is something else, or Triton is not installed.
    """
    if fused_tail not in (True, False, 'triton'):
        raise ValueError(f"fused_tail must be True, False or 'triton': {fused_tail!r}")
    if fused_tail == 'triton' and not kernels.installed():
        raise ValueError(
            "fused_tail='triton' needs Triton, which is not installed: take "
            'fused_tail=True'
        )
    return fused_tail


def attention_to_fuse(
    block: nn.Module, x: Tensor, norm: nn.Module, plugin_names: Sequence[str]
) -> ChannelAttention | None:
    """The attention after a block's last norm if its end can be fused, else None.

    It can where the norm is a batch norm, nothing but a channel attention follows it,
    then the addition and a ReLU; where none of these modules has a hook (counters of
    FLOPs and recorders of gates must see them called); and where nobody traces,
    exports, transforms or checkpoints the block. All of this is asked at every forward,
    since any of it may have changed: nothing is remembered.

    Args:
        x: Input of the block.
        norm: The norm after the last convolution.
        plugin_names: Names of the plugins behind that norm.
    """
    if not block.fused_tail or len(plugin_names) != 1 or block.with_cp:
        return None
    attention = getattr(block, plugin_names[0])
    relu = block.relu
    if type(relu) is nn.ReLU and can_fuse(x, norm, attention) and not watched([relu]):
        return attention
    return None


def can_fuse(x: Tensor, norm: nn.Module, attention: nn.Module) -> bool:
    """Whether attention(norm(u)) can be computed without these modules; as above.

    Args:
        x: What u is computed from.
    """
    return (
        is_fusable_norm(norm)
        and is_channel_attention(attention)
        and runs_eagerly(x)
        and not watched([norm, *tree(attention)])
    )


def is_fusable_norm(norm: nn.Module) -> bool:
    """Whether a norm is a batch norm that computes a * x + b.

    In eval mode a and b are given. In training mode the batch gives them; compiled, the
    norm is left to torch.compile, which fuses the plain operators itself.
    """
    if type(norm) not in (nn.BatchNorm2d, nn.SyncBatchNorm) or not norm.affine:
        return False
    if norm.training:
        return not torch.compiler.is_compiling()
    return norm.track_running_stats and norm.running_mean is not None


def is_channel_attention(module: nn.Module) -> bool:
    """Whether a module is one of ours that has only its own ``excite`` or ``gate``."""
    return isinstance(module, ChannelAttention) and all(
        getattr(type(module), name) is getattr(ChannelAttention, name)
        for name in ('forward', 'gates')
    )


def runs_eagerly(x: Tensor) -> bool:
    """Whether the forward is neither followed nor transformed.

    TorchScript, ONNX, FX and ``torch.export`` follow it; functorch (``torch.func``) and
    forward-mode differentiation transform it, by rules that :mod:`eca_mm.fused` does
    not have. Their inputs may look plain, with the parameters wrapped: what counts is
    that a transform is on, which torch tells by these two names only.
    """
    return (
        type(x) is Tensor
        and not torch.jit.is_tracing()
        and not is_exporting()
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
    )


def tree(module: nn.Module) -> list[nn.Module]:
    """A module and those within; in a third of the time that ``modules`` takes."""
    found = [module]
    for child in module._modules.values():
        if child is not None:
            found += tree(child)
    return found


def watched(modules: Iterable[nn.Module]) -> bool:
    """Whether any module has a hook or a replaced forward, or all of them have."""
    if _has_any_global_hook():
        return True
    for module in modules:
        own = vars(module)
        if (
            'forward' in own
            or own['_forward_hooks']
            or own['_forward_pre_hooks']
            or own['_backward_hooks']
            or own['_backward_pre_hooks']
        ):
            return True
    return False


def fused_end(
    x: Tensor,
    conv: nn.Module,
    norm: nn.BatchNorm2d,
    attention: ChannelAttention,
    identity: Tensor,
    triton: bool = False,
) -> Tensor:
    """relu(attention(norm(conv(x))) + identity).

    Args:
        x: Input (N, C, H, W) of the block's last convolution.
        identity: The block's other branch, of the output's shape.
        triton: Take the GPU kernels where they serve: with the norm in eval mode.
    """
    if norm.training:
        return normed_tail(conv(x), norm, attention.gate, identity)
    if triton and kernels.serve(x):
        return triton_end(conv(x), norm, attention, identity)
    a, b = affine(norm)
    own = is_own(conv)
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
        return normed_tail(u, norm, attention.gate)
    a, b = affine(norm)
    gate = attention.gate(torch.addcmul(b, a, channel_means(u)).to(u.dtype))
    shift, scale = per_pixel(gate * b, u), per_pixel(gate * a, u)
    return torch.addcmul(shift, u, scale)


def pays_off(x: Tensor) -> bool:
    """Whether to gate the weights of a projection of ``x`` (N, C, H, W).

    Not on a GPU: cuDNN's convolutions use TF32, and products image by image by default
    do not. On the CPU if there are more pixels than channels: a projection passes over
    gated weights (N, K, C) where a tail passes over feature maps (N, K, H, W), about as
    often. Of the plain end's CPU time (1 thread of a busy Xeon, conv3 included)
    projection and tail took in a training step 1.35 and 1.09 in c5 of a 480x640 image
    (512 channels, 300 pixels), 1.40 and 1.05 with two images, 1.07 and 1.21 in its c4,
    1.00 and 1.10 in c5 of 800x1216 (950 pixels); in inference in c5 of 480x640 1.30 and
    1.09.
    """
    channels, height, width = x.shape[1:]
    return x.device.type == 'cpu' and channels <= height * width


def triton_end(
    u: Tensor, norm: nn.BatchNorm2d, attention: ChannelAttention, identity: Tensor
) -> Tensor:
    """relu(attention(norm(u)) + identity) by the GPU kernels."""
    from eca_mm.kernels.eca import eca_tail
    from eca_mm.kernels.pool import channel_means
    from eca_mm.kernels.tail import gated_tail

    if is_plain_eca(attention):
        taps, factor = attention.conv.weight, 1 + attention.identity_init
        statistics = norm.running_mean, norm.running_var
        affine_weights = norm.weight, norm.bias
        return eca_tail(
            u, identity, taps, *statistics, *affine_weights, norm.eps, factor
        )
    a, b = affine(norm)
    gate = attention.gate(torch.addcmul(b, a, channel_means(u)).to(u.dtype))
    return gated_tail(u, gate * a, gate * b, identity)


def is_plain_eca(attention: ChannelAttention) -> bool:
    """Whether the gates are ECA's, by nothing that a subclass changed."""
    kind = type(attention)
    return kind.excite is ECA.excite and kind.gate is ChannelAttention.gate


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
