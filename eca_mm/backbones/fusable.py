"""When the end of a residual block can be computed by :mod:`.fused_tail`."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules.module import _has_any_global_hook

from eca_mm import kernels
from eca_mm.layers.base import ChannelAttention
from eca_mm.layers.eca import ECA

try:
    from torch.compiler import is_exporting
except ImportError:  # an older torch, which cannot tell: blocks stay plain

    def is_exporting() -> bool:
        return True


def check_fused_tail(fused_tail: bool | str) -> bool | str:
    """Return a bool, 'torch' or 'triton' unchanged.

    Raises:
        ValueError: It is something else, or 'triton' where that is not installed.
    """
    if fused_tail not in (True, False, 'torch', 'triton'):
        raise ValueError(
            f"fused_tail must be True, False, 'torch' or 'triton': {fused_tail!r}"
        )
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
    how = block.fused_tail
    fits = type(relu) is nn.ReLU and can_fuse(x, norm, attention, how)
    return attention if fits and not watched([relu]) else None


def can_fuse(
    x: Tensor, norm: nn.Module, attention: nn.Module, how: bool | str = 'torch'
) -> bool:
    """Whether attention(norm(u)) can be computed without these modules; as above.

    Args:
        x: What u is computed from.
        how: ``fused_tail`` of the block.
    """
    return (
        is_fusable_norm(norm, x)
        and is_channel_attention(attention)
        and runs_eagerly(x)
        and is_quicker(x, attention, how)
        and not watched([norm, *tree(attention)])
    )


def is_fusable_norm(norm: nn.Module, x: Tensor) -> bool:
    """Whether a norm is a batch norm that computes a * u + b, with u computed from x.

    In eval mode a and b are given. In training mode the batch gives them, if there is
    one; compiled, the norm is left to torch.compile, which fuses the plain operators.
    """
    if type(norm) not in (nn.BatchNorm2d, nn.SyncBatchNorm):
        return False
    if norm.weight is None or norm.bias is None:  # not affine, or one without a bias
        return False
    if norm.training:
        return x.numel() > 0 and not torch.compiler.is_compiling()
    return norm.track_running_stats and norm.running_mean is not None


def is_quicker(x: Tensor, attention: ChannelAttention, how: bool | str) -> bool:
    """Whether a fused end of ``x`` is worth it, where it could be.

    On the CPU it is. On a GPU ECA's kernels are where they run: memory and the GPU's
    time decide, which they save. Eager steps in which the GPU waits for its host lose
    by the clock, in the backbone's training 1.2 to 1.5 to the plain network, about as
    the usual ECA does (figures in docs/gpu.md); which of them waits is not known here.
    torch's operators, of which an end by them has more, are not worth it: launching
    them takes a GPU's host longer than the plain ones, and in training mode they pass
    over memory more often, too. Nor are the kernels with other gates, whose many small
    operators it must launch as well. 'torch' and 'triton' ask for either nevertheless.
    Compiled ends in eval mode are torch.compile's to fuse, and made of fewer operators.
    """
    if x.device.type == 'cpu' or torch.compiler.is_compiling():
        return True
    if kernels.chosen(x, how):
        return how == 'triton' or is_plain_eca(attention)
    return how == 'torch'


def is_plain_eca(attention: ChannelAttention) -> bool:
    """Whether the gates are ECA's, by nothing that a subclass or its user changed."""
    kind, own = type(attention), vars(attention)
    return (
        kind.excite is ECA.excite
        and kind.gate is ChannelAttention.gate
        and kind.squash is ChannelAttention.squash
        and not ('excite' in own or 'gate' in own or 'squash' in own)
        and is_along_channels(attention.conv)
    )


def is_along_channels(conv: nn.Module) -> bool:
    """Whether taps alone tell what a convolution does, as they do in ECA."""
    return (
        type(conv) is nn.Conv1d
        and conv.bias is None
        and conv.weight.shape[:2] == (1, 1)
        and conv.kernel_size[0] % 2 == 1
        and conv.padding == (conv.kernel_size[0] // 2,)
        and conv.padding_mode == 'zeros'
        and conv.stride == conv.dilation == (1,)
    )


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
