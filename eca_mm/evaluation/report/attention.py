"""The pictures that tools/visualize_attention.py left in a work dir."""

from base64 import b64encode
from pathlib import Path

from .blocks import Gallery, Picture, Section
from .material import Material

FOLDER = 'attention'


def attention_section(material: Material) -> Section | None:
    """None where no run has such pictures."""
    blocks = []
    for run in material.runs:
        files = sorted((run.work_dir / FOLDER).glob('*.png')) if run.work_dir else []
        if files:
            pictures = [Picture(png_url(path), path.stem) for path in files]
            blocks.append(
                Gallery(
                    f'{run.name}: what the gates learned',
                    'Drawn by tools/visualize_attention.py, whose help says how to '
                    'read them.',
                    pictures,
                )
            )
    return Section('attention', 'Attention', blocks) if blocks else None


def png_url(path: Path) -> str:
    return 'data:image/png;base64,' + b64encode(path.read_bytes()).decode()
