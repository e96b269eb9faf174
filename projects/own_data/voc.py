"""What supervision leaves out of Pascal VOC's files: difficult objects, sizes."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import labels
import numpy as np

from eca_mm.engine import RequestError
from eca_mm.findings import some

SIDES = ('xmin', 'ymin', 'xmax', 'ymax')
ZERO = (
    'is below 1, where VOC counts pixels from 1: if these files count from 0, say '
    '--zero-based'
)


@dataclass
class Marks:
    """What supervision does not read of a VOC file, in the order of its objects."""

    names: list[str] = field(default_factory=list)
    difficult: list[bool] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)  # width and height, 0 where it says none


def read_marks(folder: Path, images: Path, zero_based: bool) -> dict[str, Marks]:
    """Marks of the VOC files of a folder's images, by their names without ending.

    Raises:
        RequestError: One is not VOC's; its name is said, which supervision's is not.
    """
    labels.library()
    from defusedxml.ElementTree import ParseError, parse

    wanted, marks = {path.stem for path in labels.files_of(images)}, {}
    wrong = (ParseError, ValueError, TypeError, AttributeError, OSError, OverflowError)
    for path in labels.files_of(folder, '.xml'):
        if path.stem not in wanted:
            continue
        try:
            marks[path.stem] = marks_of(parse(path).getroot(), zero_based)
        except wrong as error:
            raise RequestError(f'{path}: {error}') from error
    return marks


def marks_of(root, zero_based: bool) -> Marks:
    """Raises an error as read_marks meets if it is no VOC annotation."""
    marks = Marks()
    marks.size = tuple(
        int(float(root.findtext(f'size/{k}') or 0)) for k in ('width', 'height')
    )
    for number, item in enumerate(root.findall('object'), 1):
        name = item.findtext('name')
        box = [item.findtext(f'bndbox/{side}') for side in SIDES]
        if not name or None in box:
            raise ValueError(f'object {number} has no name, or no whole bndbox')
        x1, y1, x2, y2 = map(number_of, box)
        corner = min(x1, x2), min(y1, y2)
        if not zero_based and min(corner) < 1:
            text = ', '.join(f'{value:g}' for value in corner)
            raise ValueError(f'({text}) of object {number} {ZERO}')
        marks.names.append(name)
        marks.difficult.append(item.findtext('difficult', '0').strip() == '1')
    return marks


def number_of(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f'{text!r} is no place in an image')
    return value


def as_told(
    found: dict, marks: dict[str, Marks], classes: list[str] | None, crowds: bool
) -> list[str]:
    """Give objects one order of classes, and make difficult ones crowds.

    Args:
        found: What :func:`labels.load` returns; changed in place.
        classes: Those to keep, in their order; None keeps all, sorted by name.
        crowds: Whether difficult objects are to be neither learned nor counted.

    Returns:
        The classes.
    """
    marks = {path: marks.get(Path(path).stem, Marks()) for path in found}
    names = {name for mark in marks.values() for name in mark.names}
    order = classes or sorted(names)
    if missing := [name for name in order if name not in names]:
        raise RequestError(
            f'no object is of class {missing[0]!r}, but of {some(sorted(names), 9)}'
        )
    if rest := sorted(names - set(order)):
        labels.warn(f'objects of other classes, left out: {some(rest)}')
    for path, mark in marks.items():
        kept = np.array([name in order for name in mark.names], bool)
        found[path].data['iscrowd'] = np.array(mark.difficult, int) * crowds
        found[path] = boxes = found[path][kept]
        ids = [order.index(name) for name in mark.names if name in order]
        boxes.class_id = np.array(ids, int)
    return [*order]


def count_from_zero(found: dict) -> None:
    """Undo what supervision does to the first corner, as VOC counts from 1."""
    for boxes in found.values():
        boxes.xyxy[:, :2] += 1


def tell_of_sizes(coco: dict, marks: dict[str, Marks]) -> None:
    """Name images of another size than their VOC files say: boxes may be of that."""
    other = [
        image['file_name']
        for image in coco['images']
        if (mark := marks.get(Path(image['file_name']).stem)) and all(mark.size)
        if mark.size != (image['width'], image['height'])
    ]
    if other:
        labels.warn(f'labelled at another size than the image has: {some(other)}')
