"""What mmcv's attention blocks, which are not written again here, do not say."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from mmcv.cnn.bricks import ContextBlock, NonLocal2d
from torch import nn


@dataclass(frozen=True)
class Foreign:
    """What our own blocks have as attributes.

    Attributes:
        is_identity: Whether a block gives its input unchanged, as it is now.
        make_identity: Draw it anew so that it does, if its arguments allow that.
        takes_tokens: Whether it needs no height and width.
    """

    is_identity: Callable[[nn.Module], bool]
    make_identity: Callable[[nn.Module], None]
    takes_tokens: Callable[[nn.Module], bool]


def is_zero(layer: nn.Module) -> bool:
    """Whether a layer gives zeros whatever comes in."""
    return not any(torch.count_nonzero(p).item() for p in layer.parameters())


def adds_nothing(block: ContextBlock) -> bool:
    # Multiplication by the sigmoid of zero halves.
    return block.channel_mul_conv is None and is_zero(block.channel_add_conv[-1])


def has_zero_output(block: NonLocal2d) -> bool:
    out = block.conv_out
    return is_zero(out.norm if out.with_norm else out.conv)


# Both add what their last layer gives. It is zero when they are built, but an init_cfg
# of the backbone may have changed that: mmdet's default draws every Conv2d anew, and
# ContextBlock does not defend itself.
FOREIGN = {
    ContextBlock: Foreign(
        adds_nothing, ContextBlock.reset_parameters, takes_tokens=lambda block: True
    ),
    NonLocal2d: Foreign(
        has_zero_output,
        NonLocal2d.init_weights,
        takes_tokens=lambda block: not block.sub_sample,
    ),
}


def foreign(kind: type) -> Foreign | None:
    """The entry of a class, or of one that it is derived from, if there is one."""
    return next((FOREIGN[base] for base in kind.__mro__ if base in FOREIGN), None)
