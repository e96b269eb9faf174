"""Whether the image files are there, can be read, and have the size they should."""

import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import cv2
from mmcv.transforms import LoadImageFromFile

from eca_mm.findings import ERROR, NOTE, Finding, some
from eca_mm.progress import track

from .config_parts import LAYOUT, image_folder, walk
from .missing import cause, is_file, list_names

SAMPLE = 100  # images of a quick check: a second, and 1 % of damage is seen in 2 of 3
ANEW = 'get the files anew, or take them out of the annotations'
SIZE = (
    'mend height and width in the annotations; an image that EXIF tells to turn is '
    'loaded turned'
)
KINDS = MISSING, UNREADABLE, OTHER_SIZE = 'not there', 'unreadable', 'of another size'
Trouble = tuple[str, str, str]  # what is wrong, with which file, the remedy


def image_findings(
    entries: list[dict], dataset: dict, split: str, full: bool, progress: bool
) -> Iterator[Finding]:
    """Decode images as the pipeline does, all or a sample that is always the same.

    Args:
        entries: The images of an annotation file, with file_name, height and width.
    """
    folder = image_folder(dataset)
    if not folder.is_dir():
        yield Finding(ERROR, 'image folder', split, f'{folder} not found', LAYOUT)
        return
    chosen = entries
    if not full and len(entries) > SAMPLE:
        chosen = random.Random(0).sample(entries, SAMPLE)
    listed = cache(list_names)
    of = partial(trouble, folder=folder, load=loader_of(dataset), names_in=listed)
    with ThreadPoolExecutor(os.cpu_count()) as pool, silent_opencv():
        looked_at = pool.map(of, chosen)
        troubles = list(track(looked_at, f'{split} images', len(chosen), progress))
    groups: dict[tuple[str, str], list[str]] = {}
    for kind, name, remedy in filter(None, troubles):
        groups.setdefault((kind, remedy), []).append(name)
    for kind, remedy in sorted(groups, key=lambda group: KINDS.index(group[0])):
        names = groups[kind, remedy]
        counts = f'{len(names)} of {len(chosen)} looked at in {folder}'
        what = f'{counts} are {kind}: {some(names)}'
        yield Finding(ERROR, 'images', split, what, remedy)
    rest = '' if chosen is entries else '; --check=full looks at all'
    what = f'{len(chosen)} of {len(entries)} looked at{rest}'
    yield Finding(NOTE, 'images', split, what)


def loader_of(dataset: dict) -> LoadImageFromFile:
    """The step of the pipeline that decodes images, or mmcv's default."""
    for _, step in walk(dataset.get('pipeline') or []):
        if step.get('type') in ('LoadImageFromFile', LoadImageFromFile):
            settings = {key: value for key, value in step.items() if key != 'type'}
            return LoadImageFromFile(**settings)
    return LoadImageFromFile()


def trouble(
    entry: dict, folder: Path, load: LoadImageFromFile, names_in: Callable
) -> Trouble | None:
    """What is wrong with an image file, None if nothing."""
    name = entry['file_name']
    path = folder / name
    if not is_file(path):
        there, remedy = cause(name, folder, names_in)
        return MISSING, name[:80] + (f' (but {there})' if there else ''), remedy
    try:
        loaded = load.transform(dict(img_path=str(path)))
    except Exception:  # of the file system and of the decoder
        loaded = None
    if loaded is None:
        return UNREADABLE, name, ANEW
    found = loaded['img_shape']
    written = entry['height'], entry['width']
    if found == written:
        return None
    sizes = f'{found[0]}, {found[1]} instead of {written[0]}, {written[1]}'
    return OTHER_SIZE, f'{name} (height, width {sizes})', SIZE


@contextmanager
def silent_opencv() -> Iterator[None]:
    """It writes of each damaged file to stderr itself."""
    level = cv2.utils.logging.setLogLevel(0)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
