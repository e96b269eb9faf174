"""What a file says of itself, and whether it is what a detector can be run by."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

KIND = 'whole detector, 1'  # under eca_mm
OUTPUTS = ('image', 'boxes', 'scores', 'labels', 'masks')
MOST = 16384  # pixels of a side that images are resized to


class NotADetector(ValueError):
    """A file is not one that ``eca-mm export --whole`` wrote: one line."""


@contextmanager
def named(path: Path | str) -> Iterator[None]:
    """What is wrong with a file, with its name before it."""
    try:
        yield
    except NotADetector as error:
        raise NotADetector(f'{path}: {error}') from error


def read_info(texts: Mapping[str, str], outputs: Sequence[str]) -> dict:
    """The metadata by name.

    Args:
        texts: As they are in the file.
        outputs: Names of what the file returns.

    Raises:
        NotADetector: Something is missing or is not as it must be.
    """
    again = ': write the file again by "eca-mm export --whole"'
    if texts.get('eca_mm') != KIND:
        raise NotADetector('not a whole detector of this version' + again)
    if tuple(outputs) not in (OUTPUTS[:4], OUTPUTS):
        raise NotADetector(f'its outputs are not {", ".join(OUTPUTS)}{again}')
    info = {key: read_value(value) for key, value in texts.items()}
    for key, fits in RULES.items():
        needed = key != 'masks' or key in outputs
        if needed and not (key in info and fits(info[key])):
            raise NotADetector(f'its metadata have no valid "{key}"{again}')
    return info


def read_value(text: str):
    """A value of the metadata: JSON, or a text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def is_number(value: object) -> bool:
    """Neither NaN nor too large for float32."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) <= 1e30


def are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def is_resize(value: object) -> bool:
    """None, or ``scale`` of two sides with ``keep_ratio`` and ``one_factor``."""
    if value is None:
        return True
    if not isinstance(value, dict) or not isinstance(value.get('scale'), list):
        return False
    sides = [type(side) is int and 1 <= side <= MOST for side in value['scale']]
    flags = [type(value.get(key)) is bool for key in ('keep_ratio', 'one_factor')]
    return len(sides) == 2 and all(sides + flags)


def is_mask_rule(value: object) -> bool:
    return (
        isinstance(value, dict)
        and is_number(value.get('threshold'))
        and type(value.get('whole_pixels')) is bool
    )


RULES: dict[str, Callable[[object], bool]] = dict(
    classes=are_names,
    resize=is_resize,
    last_pixel=lambda value: type(value) is int and value in (0, 1),
    score_thr=is_number,
    masks=is_mask_rule,
)
