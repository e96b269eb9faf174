"""results.json of a work dir: what the report takes from it, whoever wrote it."""

import json
from collections.abc import Callable
from pathlib import Path

from eca_mm.files import read_bounded

MOST_BYTES = 2**24  # of a record: 10,000 classes have 200 kB


def is_text(value) -> bool:
    return isinstance(value, str)


def is_count(value) -> bool:
    return type(value) is int and abs(value) < 2**63


def is_number(value) -> bool:
    """A number that can be drawn: JSON has NaN, and whole numbers without end."""
    return type(value) in (int, float) and not abs(value) > 1e30


def each(check: Callable) -> Callable:
    """A check of all values of a dict, or all entries of a list."""

    def checks(values) -> bool:
        return all(map(check, values.values() if isinstance(values, dict) else values))

    return checks


def is_row(value) -> bool:
    """COCO's figures of one kind; None stands for what does not exist."""
    return isinstance(value, dict) and each(lambda v: v is None or is_number(v))(value)


def is_complexity(value) -> bool:
    """What :func:`.complexity.complexity_of` gives, or a part of it."""
    if not isinstance(value, dict):
        return False
    names = {'parameters', 'trainable', 'gflops'}
    size = value.get('size', [])
    numbers = [v for key, v in value.items() if key != 'size']
    return (
        value.keys() <= names | {'size'}
        and each(is_number)(numbers)
        and isinstance(size, list)
        and len(size) == 2 * ('size' in value)
        and each(is_count)(size)
    )


# What each field must be to be shown, or for what it names to be read.
FIELDS: dict[str, Callable] = {
    'config': is_text,
    'work_dir': is_text,
    'checkpoint': is_text,
    'iteration': is_count,
    'world_size': is_count,
    'seed': is_count,
    'date': is_text,
    'device': is_text,
    'commit': is_text,
    'versions': lambda value: isinstance(value, dict) and each(is_text)(value),
    'annotations': is_text,
    'images': is_text,
    'classes': lambda value: isinstance(value, list) and each(is_text)(value),
    'complexity': is_complexity,
    'coco': lambda value: isinstance(value, dict) and each(is_row)(value),
    'metrics': lambda value: isinstance(value, dict) and each(is_number)(value),
}


def read_record(path: Path) -> tuple[dict, list[str]]:
    """The fields of a record that are what they should be, and the names of the others.

    Raises:
        OSError: It is no file that can be read.
        ValueError: It is no record of an evaluation.
    """
    record = read_small_json(path, MOST_BYTES)
    if not isinstance(record, dict) or not FIELDS['coco'](record.get('coco')):
        raise ValueError('no figures of COCO in it')
    known = {k: v for k, v in record.items() if k in FIELDS and v is not None}
    kept = {key: value for key, value in known.items() if FIELDS[key](value)}
    return kept, [key for key in known if key not in kept]


def read_small_json(path: Path, most_bytes: int):
    """The content of a JSON file that was found in a work dir.

    Raises:
        OSError: It is no file that can be read.
        ValueError: It is too large, nested too deeply, or no JSON.
    """
    try:
        return json.loads(read_bounded(path, most_bytes))
    except RecursionError:
        raise ValueError('nested too deeply') from None
