"""The attention blocks, a file each, and the table of them.

A new block is its file here and its line in ``BLOCKS``, from which the rest of the
package has it: the load report, pictures of gates, benchmarks, WithAttention and the
documentation. Tests build and run each line. Classes are imported, and registered, when
they are asked for: a command looks for names before torch is there.
"""

from .block import Block

PAPER = 'ECA-Net'  # Wang et al., CVPR 2020
BLOCKS = {
    'ECA': Block('.eca', 'sigmoid(C1D_k(y))', 'k', f'{PAPER}, equation 9'),
    'ECANS': Block(
        '.eca_ns', 'the same with taps for each channel', 'k*C', f'{PAPER}, equation 7'
    ),
    'SE': Block('.se', 'sigmoid(W2 relu(W1 y))', '2*C^2/r', 'SENet'),
    'SEVar1': Block('.se_variants', 'sigmoid(y)', '0', f'{PAPER}, Table 2'),
    'SEVar2': Block('.se_variants', 'sigmoid(w y)', 'C', f'{PAPER}, Table 2'),
    'SEVar3': Block('.se_variants', 'sigmoid(W y)', 'C^2', f'{PAPER}, Table 2'),
    'SEGC': Block(
        '.se_variants', 'sigmoid of a group convolution', 'C^2/G', f'{PAPER}, Table 2'
    ),
    'CBAM': Block(
        '.cbam',
        'channels as SE, with maxima too; then positions',
        '2*C^2/r + 2*k^2',
        'CBAM',
    ),
    'AAConv2d': Block(
        '.aa_conv',
        "a convolution with self-attention beside it, for a block's 3x3",
        None,
        'AA-Net',
        is_plugin=False,
    ),
    'ContextBlock': Block(
        'mmcv.cnn.bricks',
        'adds what a bottleneck makes of the positions, weighed by attention',
        '2*R*C^2 + 3*R*C + 2*C + 1',
        "GCNet, mmcv's",
        dict(ratio=1 / 16),
    ),
    'NonLocal2d': Block(
        'mmcv.cnn.bricks',
        'adds self-attention of all positions',
        '2*C^2 + 5*C/2',
        "non-local networks, mmcv's",
        placed=dict(position='after_block', blocks=((), (), (-2,), ())),
    ),
}
OURS = tuple(name for name, block in BLOCKS.items() if block.is_ours)
__all__ = ['BLOCKS', *OURS]  # noqa: PLE0604


def __getattr__(name: str):
    """Import a block's class when it is asked for."""
    if name not in BLOCKS or not BLOCKS[name].is_ours:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return BLOCKS[name].load(name)
