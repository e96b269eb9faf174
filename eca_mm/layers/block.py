from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module


@dataclass(frozen=True)
class Block:
    """What is known of an attention block by name alone: a line of ``layers.BLOCKS``.

    What it does is said by its class: ``gates`` for pictures of its gates, ``taps`` for
    those of its kernels, ``last`` for how it begins as the identity, ``takes_tokens``,
    and :class:`~eca_mm.layers.base.ChannelAttention` for the fused tail of a block.
    Blocks of other libraries have that in :mod:`eca_mm.layers.foreign`.

    Attributes:
        module: That has the class: '.eca' of this package, or one of another library.
        gates: What it computes, for the table of blocks in the documentation.
        parameters: How many it has on C channels, as sympy reads it, with the letters
            of :data:`LETTERS`; None: as its convolution has it.
        source: Where it is from.
        arguments: Beside ``in_channels``, of its config in a benchmark.
        placed: Where a benchmark puts it into a ResNet's blocks.
        is_plugin: Whether it stands behind a layer; else it is a convolution layer.
    """

    module: str
    gates: str
    parameters: str | None
    source: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    placed: Mapping[str, object] = field(
        default_factory=lambda: dict(position='after_conv3')
    )
    is_plugin: bool = True

    @property
    def is_ours(self) -> bool:
        return self.module.startswith('.')

    def load(self, name: str) -> type:
        """Import the class of that name."""
        return getattr(import_module(self.module, __package__), name)


# In formulas of ``Block.parameters``: the argument whose value a letter is.
LETTERS = {'k': 'kernel_size', 'r': 'reduction', 'G': 'groups', 'R': 'ratio'}
