"""Attention that gives its input unchanged as long as it is not trained."""

import torch
from mmcv.cnn.bricks import ContextBlock, NonLocal2d
from torch import nn

from .aa_conv import AAConv2d
from .base import ChannelAttention, IdentityInit
from .cbam import CBAM

ATTENTION = (ChannelAttention, CBAM, AAConv2d, ContextBlock, NonLocal2d)


def begins_as_identity(module: nn.Module) -> bool:
    """Whether attention gives its input unchanged as long as it is not trained.

    mmcv's two blocks add what their last layer gives. It is zero when they are built,
    but an ``init_cfg`` of the backbone may have changed that: mmdet's default draws
    every Conv2d again, and ContextBlock does not defend itself.
    """
    if isinstance(module, ContextBlock):
        # Multiplication by the sigmoid of zero halves.
        return module.channel_mul_conv is None and is_zero(module.channel_add_conv[-1])
    if isinstance(module, NonLocal2d):
        out = module.conv_out
        return is_zero(out.norm if out.with_norm else out.conv)
    return getattr(module, 'identity_init', False)


def is_zero(layer: nn.Module) -> bool:
    """Whether a layer gives zeros whatever comes in."""
    return not any(torch.count_nonzero(p).item() for p in layer.parameters())


def make_identity(module: nn.Module) -> None:
    """Make attention begin as the identity again, whose parameters were drawn again."""
    if isinstance(module, IdentityInit):
        module.zero_logits()
    elif isinstance(module, ContextBlock):
        module.reset_parameters()
    elif isinstance(module, NonLocal2d):
        module.init_weights()
