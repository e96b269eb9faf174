"""The variants of SE that the paper compares in Table 2, without its reduction."""

import torch
from torch import Tensor, nn

from .base import ChannelAttention, check_divides
from .register import plugin


@plugin
class SEVar1(ChannelAttention):
    """SE-Var1: sigmoid(y), no parameters.

    Args:
        in_channels: Channels C of the input; every plugin of a host takes it.
    """

    _abbr_ = 'se_var1'

    def __init__(self, in_channels: int) -> None:
        super().__init__()

    def excite(self, y: Tensor) -> Tensor:
        return y


@plugin
class SEVar2(ChannelAttention):
    """SE-Var2: sigmoid(w * y) with a weight for each channel, C parameters.

    Args:
        in_channels: Channels C of the input.
        identity_init: Ours, not the paper's: begin as the identity; see :class:`ECA`.
    """

    _abbr_ = 'se_var2'
    last = ('weight',)

    def __init__(self, in_channels: int, identity_init: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_channels).uniform_(-1, 1))
        self.begin(identity_init)

    def excite(self, y: Tensor) -> Tensor:
        return self.weight * y


@plugin
class SEVar3(ChannelAttention):
    """SE-Var3: sigmoid(W y) with one full matrix, C^2 parameters.

    Args:
        in_channels: Channels C of the input.
        identity_init: Ours, not the paper's: begin as the identity; see :class:`ECA`.
    """

    _abbr_ = 'se_var3'
    last = ('fc',)

    def __init__(self, in_channels: int, identity_init: bool = False) -> None:
        super().__init__()
        self.fc = nn.Linear(in_channels, in_channels, bias=False)
        self.begin(identity_init)

    def excite(self, y: Tensor) -> Tensor:
        return self.fc(y)


@plugin
class SEGC(ChannelAttention):
    """SE-GC: sigmoid(GC_G(y)), a group convolution with G groups, C^2/G parameters.

    Table 2 has SE-GC1 with G = 16 (C^2/16 parameters), SE-GC2 with C/16 (16*C) and
    SE-GC3 with C/8 (8*C).

    Args:
        in_channels: Channels C of the input.
        groups: Number G of groups, each of which maps its C/G channels to themselves;
            'C/n' for groups of n channels whatever C is.
        identity_init: Ours, not the paper's: begin as the identity; see :class:`ECA`.

    Raises:
        TypeError: ``groups`` is neither an int nor a string.
        ValueError: ``groups``, or n, does not divide ``in_channels``; a string has
            another form.
    """

    _abbr_ = 'se_gc'
    last = ('conv',)

    def __init__(
        self,
        in_channels: int,
        groups: int | str = 16,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(groups, str):
            if not groups.removeprefix('C/').isdigit() or groups.isdigit():
                raise ValueError(f"groups must be an int or 'C/n', got {groups!r}")
            groups = check_divides('groups C/n: n', int(groups[2:]), in_channels)
        check_divides('groups', groups, in_channels)
        self.conv = nn.Conv1d(in_channels, in_channels, 1, groups=groups, bias=False)
        self.begin(identity_init)

    def excite(self, y: Tensor) -> Tensor:
        # (N, C) -> (N, C, 1) and back: the means are one position.
        return self.conv(y.unsqueeze(-1)).squeeze(-1)
