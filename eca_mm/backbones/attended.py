"""Attention behind a module that is built already, whose names stay as they are.

The module gets the attention as a child, and a class whose ``forward`` is its own one
and then the attention. A forward hook would be lost wherever ``forward`` is called
directly, and torch may give its number to another hook after the module was unpickled
in another process; a module around this one would rename its weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from torch import Tensor, nn

from eca_mm.layers.identity import attention_kinds, begins_as_identity, make_identity

# To (N, C, H, W) and back; a map (N, C, L, 1) is one of all positions.
TO_MAP: dict[str, Callable[[Tensor], Tensor]] = {
    'NCHW': lambda x: x,
    'NHWC': lambda x: x.permute(0, 3, 1, 2),
    'NLC': lambda x: x.transpose(1, 2).unsqueeze(-1),
    'NCL': lambda x: x.unsqueeze(-1),
}
FROM_MAP: dict[str, Callable[[Tensor], Tensor]] = {
    'NCHW': lambda x: x,
    'NHWC': lambda x: x.permute(0, 2, 3, 1),
    'NLC': lambda x: x.squeeze(-1).transpose(1, 2),
    'NCL': lambda x: x.squeeze(-1),
}


def attend(x: Tensor, attention: nn.Module, layout: str) -> Tensor:
    """Attention on a feature map whose axes are those of ``layout``."""
    return FROM_MAP[layout](attention(TO_MAP[layout](x)))


class Mixin:
    """Stands before a host's class in a class that was made by :func:`attended`."""

    def __reduce_ex__(self, protocol: int) -> tuple:
        """For pickle and deepcopy, which cannot find a class that was made."""
        _, _, *state = super().__reduce_ex__(protocol)
        return rebuild, type(self).__bases__, *state


class Part(Mixin):
    """A module with attention on what it gives.

    Attributes:
        attention_name: Of the child.
        attention_layout: Of the feature map.
    """

    def forward(self, *args, **kwargs) -> Tensor:
        out = super().forward(*args, **kwargs)
        return attend(out, getattr(self, self.attention_name), self.attention_layout)


class Whole(Mixin):
    """A backbone or neck with attention in it, or on each of its feature maps.

    Attributes:
        attention_name: Of the ModuleList, None if the maps have no attention. A map
            without any has an Identity there, so that names have the map's number.
        attention_layouts: Of the maps.
        attention_frozen: Numbers of the maps that come from frozen stages alone.
    """

    attention_name: str | None = None
    attention_layouts: tuple[str, ...] = ()
    attention_frozen: tuple[int, ...] = ()

    def forward(self, *args, **kwargs) -> Tensor | tuple[Tensor, ...] | list[Tensor]:
        out = super().forward(*args, **kwargs)
        if self.attention_name is None:
            return out
        blocks = getattr(self, self.attention_name)
        maps = [out] if isinstance(out, Tensor) else out
        attended_maps = [
            attend(*each)
            for each in zip(maps, blocks, self.attention_layouts, strict=True)
        ]
        if isinstance(out, Tensor):
            return attended_maps[0]
        return attended_maps if isinstance(out, list) else tuple(attended_maps)

    def train(self, mode: bool = True) -> nn.Module:
        """The host's, which freezes some of its stages; then their attention."""
        super().train(mode)
        for index in self.attention_frozen:
            getattr(self, self.attention_name)[index].eval().requires_grad_(False)
        return self

    def init_weights(self, *args, **kwargs) -> None:
        """The host's, after which attention is the identity where it was before.

        Hosts draw all layers of a kind anew, those of attention too. What a checkpoint
        gives meanwhile stays. A host that was initialised already keeps its weights,
        those of attention too.
        """
        if getattr(self, 'is_init', False):
            super().init_weights(*args, **kwargs)  # warns
            return
        kinds = attention_kinds()
        blocks = [m for m in self.modules() if isinstance(m, kinds)]
        blocks = [block for block in blocks if begins_as_identity(block)]
        given = set()

        def note(block: nn.Module, state: dict, prefix: str, *_) -> None:
            if any(name.startswith(prefix) for name in state):
                given.add(block)

        # torch made it public, under another name, in 2.5.
        handles = [
            block._register_load_state_dict_pre_hook(note, with_module=True)
            for block in blocks
        ]
        initialise = getattr(super(), 'init_weights', None)
        if initialise is not None:
            initialise(*args, **kwargs)
        for handle in handles:
            handle.remove()
        for block in blocks:
            if block not in given:
                make_identity(block)


@cache
def attended(mixin: type[Mixin], host: type[nn.Module]) -> type[nn.Module]:
    """The class of a host with a mixin before it.

    It has the host's name, by which initialisers choose layers and logs name them.
    """
    members = {'__module__': host.__module__, 'host_class': host}
    return type(host.__name__, (mixin, host), members)


def rebuild(mixin: type[Mixin], host: type[nn.Module]) -> nn.Module:
    """What pickle and deepcopy begin with, before they fill it."""
    kind = attended(mixin, host)
    return kind.__new__(kind)


def make_part(module: nn.Module, name: str, attention: nn.Module, layout: str) -> None:
    """Put attention behind a module, in place."""
    module.add_module(name, attention)
    module.attention_name, module.attention_layout = name, layout
    module.__class__ = attended(Part, type(module))


def make_whole(
    module: nn.Module,
    name: str | None = None,
    attention: list[nn.Module] | None = None,
    layouts: tuple[str, ...] = (),
    frozen: tuple[int, ...] = (),
) -> None:
    """Put attention on the maps of a backbone or neck, if there is any, in place."""
    if name is not None:
        module.add_module(name, nn.ModuleList(attention))
    if isinstance(module, Whole) and name is None:  # a WithAttention in another one
        return
    module.attention_name, module.attention_layouts = name, layouts
    module.attention_frozen = frozen
    if not isinstance(module, Whole):
        module.__class__ = attended(Whole, type(module))
