"""The attention blocks as a Markdown table: python -m eca_mm.analysis.block_table"""

from collections.abc import Iterator
from inspect import signature

from torch import nn

from eca_mm.layers import BLOCKS
from eca_mm.layers.base import ChannelAttention
from eca_mm.layers.block import LETTERS, Block
from eca_mm.layers.identity import can_begin_as_identity
from eca_mm.markdown_table import table_lines

HEAD = ['block', 'computes', 'parameters on C channels', 'begins as identity', 'fused']
HEAD += ['from']
USUAL = {'in_channels', 'identity_init', 'kwargs'}  # arguments of all blocks
OF_CONVOLUTIONS = {*signature(nn.Conv2d).parameters}


def block_table() -> str:
    """A row for each line of :data:`eca_mm.layers.BLOCKS`, in its order.

    Columns: name, and arguments with their defaults; what it computes; its parameters;
    whether it can begin as the identity; whether :mod:`eca_mm.fused` computes the tail
    of a residual block with it; and where it is from. Below, what letters mean.
    """
    letters = ', '.join(f'{letter} is `{name}`' for letter, name in LETTERS.items())
    lines = table_lines(HEAD, rows(), words=len(HEAD))
    return '\n'.join([*lines, '', f'In the formulas {letters}.', ''])


def rows() -> Iterator[list[str]]:
    for name, block in BLOCKS.items():
        kind = block.load(name)
        yield [
            call_of(name, block, kind),
            block.gates,
            formula(block),
            'yes' if can_begin_as_identity(kind) else 'no',
            'yes' if issubclass(kind, ChannelAttention) else 'no',
            block.source,
        ]


def call_of(name: str, block: Block, kind: type) -> str:
    """The name, and behind it the arguments of ours with their defaults."""
    if not block.is_ours:  # its versions differ
        return f'`{name}`'
    skipped = USUAL if block.is_plugin else USUAL | OF_CONVOLUTIONS
    own = [
        str(argument.replace(annotation=argument.empty)).replace(' = ', '=')
        for argument in signature(kind).parameters.values()
        if argument.name not in skipped
    ]
    return f'`{name}`' + (f' (`{", ".join(own)}`)' if own else '')


def formula(block: Block) -> str:
    """Its parameters as one writes them."""
    if block.parameters is None:
        return 'as a convolution'
    return block.parameters.replace('^2', '²').replace('*', ' ').replace('/', ' / ')


if __name__ == '__main__':
    print(block_table(), end='')
