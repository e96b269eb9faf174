"""Norms folded into the convolutions before them, for inference."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import torch
from mmcv.cnn import is_norm
from mmcv.cnn.bricks.wrappers import Conv2d
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .blocks import PluginBasicBlock, PluginBottleneck

FOLDED, FUSED = 'folded', 'fused'


def fold_norms(model: nn.Module) -> Counter[str]:
    """Fold batch norms in eval mode into the convolutions before them, in place.

    A norm comes after a convolution if it is registered right behind it in the same
    module, as the host's modules are and as mmcv's ``fuse_conv_bn`` has it. That
    function would also fold a convolution that several norms share, as those of mmdet's
    ``RetinaSepBNHead``, or one whose norm comes first; here they stay as they are. So
    do the last norms of blocks with a fused end, which folds them itself and is faster
    with them than without.

    Returns:
        How many norms were folded (``'folded'``), are left to fused ends (``'fused'``)
        and stay as they are (by the name of their class).
    """
    fused = {id(norm) for norm in norms_of_fused_tails(model)}
    shared = shared_modules(model)
    found = Counter()
    for parent in list(model.modules()):
        for (conv_name, conv), (name, norm) in pairwise(parent.named_children()):
            unique = not shared & {id(conv), id(norm)}
            if unique and id(norm) not in fused and foldable(parent, conv, norm):
                setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(parent, name, nn.Identity())
                found[FOLDED] += 1
    for module in model.modules():
        if is_norm(module):
            found[FUSED if id(module) in fused else type(module).__name__] += 1
    return found


def foldable(parent: nn.Module, conv: nn.Module, norm: nn.Module) -> bool:
    """Whether two children of a module are a convolution and its norm, in eval mode."""
    # Of mmcv's ConvModule; its default is ('conv', 'norm', 'act').
    order = getattr(parent, 'order', ('conv', 'norm'))
    return (
        type(conv) in (nn.Conv2d, Conv2d)  # others may change their weight in forward
        and isinstance(norm, _BatchNorm)
        and not norm.training
        and norm.affine
        and norm.track_running_stats
        and ('conv', 'norm') in pairwise(order)
    )


def norms_of_fused_tails(model: nn.Module) -> Iterator[nn.Module]:
    """The last norms of the blocks whose end is fused in an eager forward."""
    kinds = (PluginBasicBlock, PluginBottleneck)
    for block in model.modules():
        if not isinstance(block, kinds):
            continue
        norm, weight = getattr(block, 'norm3', block.norm2), block.conv1.weight
        x = torch.empty(1, 1, 1, 1, dtype=weight.dtype, device=weight.device)
        if not norm.training and block.fusable_attention(x):
            yield norm


def shared_modules(model: nn.Module) -> set[int]:
    """Ids of the modules that occur at more than one place."""
    times = Counter(id(m) for _, m in model.named_modules(remove_duplicate=False))
    return {module for module, count in times.items() if count > 1}


def describe(found: Counter[str]) -> str:
    """One line on what :func:`fold_norms` did."""
    counts = dict(found)
    folded, fused = counts.pop(FOLDED, 0), counts.pop(FUSED, 0)
    parts = [f'{folded} of {found.total()} norms folded into their convolutions']
    if fused:
        parts.append(f'{fused} by the fused ends of their blocks')
    parts += [f'{count} {name} left as they are' for name, count in counts.items()]
    return ', '.join(parts)
