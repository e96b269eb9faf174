"""The pictures that tools/visualize_attention.py left in a work dir."""

from base64 import b64encode
from pathlib import Path

from eca_mm.files import inside

from .content import Gallery, Note, Picture, Section
from .material import Material
from .read_record import read_small_json
from .runs import Run
from .side_by_side import PictureError, check_picture

FOLDER = 'attention'
CAPTIONS = 'captions.json'  # picture: how to read it
MOST_BYTES = 2**22  # of captions, and of a picture: ours have 1 kB and 100 kB
MOST_PICTURES = 20


def attention_section(material: Material) -> Section | None:
    """None where no run has such pictures."""
    blocks: list[Gallery | Note] = []
    for run in material.runs:
        galleries, left_out = pictures(run)
        blocks += galleries
        blocks += [Note(left_out, warning=True)] if left_out else []
    return Section('attention', 'Attention', blocks) if blocks else None


def pictures(run: Run) -> tuple[list[Gallery], list[str]]:
    """The pictures of a run with their captions, and what is left out and why."""
    if run.work_dir is None or not (run.work_dir / FOLDER / CAPTIONS).exists():
        return [], []
    try:
        folder = inside(run.work_dir, FOLDER)
        captions = read_small_json(inside(folder, CAPTIONS), MOST_BYTES)
        if not isinstance(captions, dict):
            raise ValueError('not a caption for each picture')
    except (OSError, ValueError) as error:
        return [], [f'{run.name}: {FOLDER}/{CAPTIONS} is not read: {error}']
    found, left_out = [], []
    for name, caption in [*captions.items()][:MOST_PICTURES]:
        try:
            path = inside(folder, name)
            if not path.exists():
                continue
            picture = Picture(png_url(path), path.stem)
        except (OSError, ValueError) as error:
            left_out.append(f'{run.name}: {FOLDER}/{name[:80]} is not shown: {error}')
            continue
        found.append(Gallery(f'{run.name}: {path.stem}', str(caption), [picture]))
    return found, left_out


def png_url(path: Path) -> str:
    """A PNG file, and no other, as a data URL.

    Raises:
        PictureError: It is not one, or too large.
    """
    check_picture(path, ('PNG',))
    if path.stat().st_size > MOST_BYTES:
        raise PictureError(f'more than {MOST_BYTES} bytes')
    return 'data:image/png;base64,' + b64encode(path.read_bytes()).decode()
