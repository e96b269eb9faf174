"""From a JSON file to what is in it, and from an annotation file to its parts.

The one reader of annotations and results: for the check, the metric and the report.
"""

import gc
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The parts of an annotation file, and what mmdet or pycocotools read of each entry.
PARTS = {
    'images': ('id', 'file_name', 'height', 'width'),
    'categories': ('id', 'name'),
    'annotations': ('id', 'image_id', 'category_id', 'bbox', 'area'),
}
# Of lists and objects in one another: COCO's format has 6. The hosts parse by
# recursion, and Python stops that at 1000 calls of everything that is running.
DEEPEST = 100


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
    return with_parts(read_json(path), str(path), optional)


def with_parts(coco, name: str, optional: tuple[str, ...] = ()) -> dict:
    """The content of a COCO file called ``name``, see :func:`read_coco`.

    Raises:
        ValueError: It has not the parts of COCO's format.
    """
    if not isinstance(coco, dict):
        raise ValueError(f'{name} is not in COCO format: no object with lists')
    coco = dict.fromkeys(optional, []) | coco
    for part in PARTS:
        if not isinstance(coco.get(part), list):
            raise ValueError(f'{name} is not in COCO format: no list of {part}')
    return coco


def read_json(path: str | Path):
    """The content of a JSON file as pycocotools reads it: UTF-8 without a mark.

    orjson takes a third of the time, where it is installed and the file has no NaN.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not JSON, or lists are nested in it by the hundred.
    """
    content = Path(path).read_bytes()
    try:
        with no_collection():
            value = parse(content)
    except (ValueError, RecursionError) as error:
        reason = 'nested too deeply' if isinstance(error, RecursionError) else error
        raise ValueError(f'{path} is not valid JSON ({reason})') from error
    if is_deeper(content, DEEPEST):
        raise ValueError(
            f'{path} is nested too deeply: lists and objects more than {DEEPEST} deep'
        )
    return value


def parse(content: bytes):
    try:
        import orjson

        return orjson.loads(content)
    except (ImportError, ValueError):  # not installed; or NaN, which json takes
        # Not from bytes, of which json takes UTF-16, too: pycocotools does not.
        return json.loads(content.decode('utf-8'))


def is_deeper(content: bytes, limit: int) -> bool:
    """Whether valid JSON has lists and objects more than ``limit`` deep.

    Each round takes away what has nothing in it, all in C: 0.2 s for 185 MB.
    """
    if b'\\' in content:
        content = re.sub(rb'\\.', b'', content, flags=re.DOTALL)
    left = content.translate(AS_LISTS, OTHER_BYTES).replace(b'""', b'')
    if b'"' in left:  # a text with brackets in it
        left = re.sub(rb'"[^"]*"', b'', left)
    for _ in range(limit):
        if not left:
            return False
        left = left.replace(b'[]', b'')
    return bool(left)


AS_LISTS = bytes.maketrans(b'{}', b'[]')
OTHER_BYTES = bytes(set(range(256)) - set(b'[]{}"'))


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
