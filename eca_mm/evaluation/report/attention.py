"""The pictures that tools/visualize_attention.py left in a work dir."""

import json
from base64 import b64encode
from pathlib import Path

from .blocks import Gallery, Picture, Section
from .material import Material

FOLDER = 'attention'
CAPTIONS = 'captions.json'  # picture: how to read it


def attention_section(material: Material) -> Section | None:
    """None where no run has such pictures."""
    blocks = [
        Gallery(
            f'{run.name}: {path.stem}', caption, [Picture(png_url(path), path.stem)]
        )
        for run in material.runs
        if run.work_dir
        for path, caption in pictures(run.work_dir / FOLDER)
    ]
    return Section('attention', 'Attention', blocks) if blocks else None


def pictures(folder: Path) -> list[tuple[Path, str]]:
    """The pictures of a folder that has captions, and their captions."""
    try:
        captions = json.loads((folder / CAPTIONS).read_bytes())
    except (OSError, ValueError):
        return []
    found = ((folder / name, caption) for name, caption in captions.items())
    return [(path, caption) for path, caption in found if path.is_file()]


def png_url(path: Path) -> str:
    return 'data:image/png;base64,' + b64encode(path.read_bytes()).decode()
