"""Which modules are attention, and whether they give their input unchanged at first."""

from torch import nn

from . import BLOCKS
from .base import ChannelAttention, IdentityInit
from .foreign import foreign


def attention_kinds() -> tuple[type, ...]:
    """Classes of all attention: the table's, and what else gates channels as ours."""
    return ChannelAttention, *(block.load(name) for name, block in BLOCKS.items())


def can_begin_as_identity(kind: type) -> bool:
    """Whether attention of a class begins as the identity, given some arguments."""
    own = issubclass(kind, IdentityInit) and kind.last
    return bool(own) or foreign(kind) is not None


def begins_as_identity(module: nn.Module) -> bool:
    """Whether attention gives its input unchanged as long as it is not trained."""
    entry = foreign(type(module))
    if entry is not None:
        return entry.is_identity(module)
    return getattr(module, 'identity_init', False)


def make_identity(module: nn.Module) -> None:
    """Make attention begin as the identity again, whose parameters were drawn anew."""
    entry = foreign(type(module))
    if entry is not None:
        entry.make_identity(module)
    elif isinstance(module, IdentityInit):
        module.zero_logits()


def takes_tokens(module: nn.Module) -> bool:
    """Whether attention needs no height and width."""
    entry = foreign(type(module))
    if entry is not None:
        return entry.takes_tokens(module)
    return getattr(module, 'takes_tokens', False)
