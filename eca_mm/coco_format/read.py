"""From a COCO annotation file to its parts, as pycocotools will see them."""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The parts of an annotation file, and what mmdet or pycocotools read of each entry.
PARTS = {
    'images': ('id', 'file_name', 'height', 'width'),
    'categories': ('id', 'name'),
    'annotations': ('id', 'image_id', 'category_id', 'bbox', 'area'),
}


def read_coco(path: Path, optional: tuple[str, ...] = ()) -> dict:
    """The content of a COCO annotation file, with a list for each part of PARTS.

    Args:
        optional: Parts that may be missing; they become empty lists.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not JSON, or has not the parts of COCO's format.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path} not found')
    coco = read_json(path)
    if not isinstance(coco, dict):
        raise ValueError(f'{path} is not in COCO format: no object with lists')
    coco = dict.fromkeys(optional, []) | coco
    for part in PARTS:
        if not isinstance(coco.get(part), list):
            raise ValueError(f'{path} is not in COCO format: no list of {part}')
    return coco


def read_json(path: Path):
    """The content of a JSON file as pycocotools reads it: UTF-8 without a mark.

    orjson takes a third of the time, where it is installed and the file has no NaN.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not JSON.
    """
    content = path.read_bytes()
    try:
        with no_collection():
            return parse(content)
    except (ValueError, RecursionError) as error:
        reason = 'nested too deeply' if isinstance(error, RecursionError) else error
        raise ValueError(f'{path} is not valid JSON ({reason})') from error


def parse(content: bytes):
    try:
        import orjson

        return orjson.loads(content)
    except (ImportError, ValueError):  # not installed; or NaN, which json takes
        # Not from bytes, of which json takes UTF-16, too: pycocotools does not.
        return json.loads(content.decode('utf-8'))


@contextmanager
def no_collection() -> Iterator[None]:
    """Pause the garbage collector, which would walk millions of objects many times."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
