"""configs/metafile.yml from the paper's tables: python -m eca_mm.paper.metafile"""

from collections.abc import Iterator

from .configs_readme import SYNCBN
from .reproduction import EPOCHS
from .tables import config_name, load_ours, load_table

PAPER = 'Efficient Channel Attention for Deep Convolutional Neural Networks'
HEAD = f"""\
Collections:
  - Name: ECA-Net
    Paper:
      URL: https://arxiv.org/abs/1910.03151
      Title: 'ECA-Net: {PAPER}'
    README: configs/README.md
    Metadata:
      Training Data: COCO
      Training Techniques:
        - SGD with Momentum
        - Weight Decay
      Architecture:
        - ECA
        - FPN
        - ResNet

# No weights and no results: none of these was trained by us.
Models:
"""


def metafile() -> str:
    """The whole file."""
    return HEAD + ''.join(models())


def models() -> Iterator[str]:
    """The entries: the paper's rows, and the configs that stand beside them."""
    rows = [config_name(row) for row in load_table(5)]
    yield from map(entry, rows)
    yield "  # GCNet's setting\n"
    yield from map(entry, SYNCBN)
    yield "  # By MMDetection 3's rules\n"
    for name in rows:
        yield entry(f'{name}_modern', f'modern/{name}')
    yield "  # Ours, not the paper's\n"
    for row in load_ours():
        yield entry(row['config'], epochs=row['epochs'])


def entry(name: str, path: str = '', epochs: int = EPOCHS) -> str:
    """One model.

    Args:
        path: Of its config in configs/, without .py; its name if empty.
    """
    return (
        f'  - Name: {name}\n'
        '    In Collection: ECA-Net\n'
        f'    Config: configs/{path or name}.py\n'
        '    Metadata:\n'
        f'      Epochs: {epochs}\n'
    )


if __name__ == '__main__':
    print(metafile(), end='')
