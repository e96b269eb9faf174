"""Read Pascal VOC or YOLO labels with supervision, and what it leaves out of them."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eca_mm.engine import RequestError
from eca_mm.findings import some

ENDS = dict(voc='.xml', yolo='.txt')
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


def library():
    """supervision, whose import takes seconds: after what is wrong at first sight."""
    try:
        import supervision
    except ImportError as error:
        raise RequestError(f'{error}: pip install supervision') from error
    return supervision


def read_marks(folder: Path, zero_based: bool) -> dict[str, Marks]:
    """Marks of all VOC files of a folder, by their names without ending.

    Raises:
        RequestError: One is not VOC's; its name is said, which supervision's is not.
    """
    library()
    from defusedxml.ElementTree import ParseError, parse

    marks = {}
    for path in sorted(folder.glob('*.xml')):
        try:
            marks[path.stem] = marks_of(parse(path).getroot(), zero_based)
        except (ParseError, ValueError, TypeError, AttributeError, OSError) as error:
            raise RequestError(f'{path}: {error}') from error
    return marks


def marks_of(root, zero_based: bool) -> Marks:
    """Raises ValueError, TypeError or AttributeError if it is no VOC annotation."""
    marks = Marks()
    marks.size = tuple(
        int(root.findtext(f'size/{k}') or 0) for k in ('width', 'height')
    )
    for number, item in enumerate(root.findall('object'), 1):
        name = item.findtext('name')
        corner = [item.findtext(f'bndbox/{key}') for key in ('xmin', 'ymin')]
        if not name or None in corner:
            raise ValueError(f'object {number} has no name, or no bndbox')
        if not zero_based and min(map(float, corner)) < 1:
            raise ValueError(f'({", ".join(corner)}) of object {number} {ZERO}')
        marks.names.append(name)
        marks.difficult.append(item.findtext('difficult', '0').strip() == '1')
    return marks


def load(kind: str, images: Path, labels: Path, data_yaml: Path | None = None):
    """A supervision.DetectionDataset of all images of a folder, sorted by name.

    Raises:
        RequestError: Labels or images cannot be read, or none belong together.
    """
    sv = library()
    folders = (str(images), str(labels))
    progress = dict(show_progress=sys.stderr.isatty())
    try:
        if kind == 'yolo':
            found = sv.DetectionDataset.from_yolo(*folders, str(data_yaml), **progress)
        else:
            found = sv.DetectionDataset.from_pascal_voc(*folders, **progress)
    except (ValueError, OSError) as error:
        raise RequestError(str(error)) from error
    tell_of_pairs(found.image_paths, labels, ENDS[kind])
    # YOLO's come as the folder lists them, which differs from disk to disk.
    paths = sorted(found.image_paths)
    return sv.DetectionDataset(found.classes, paths, found.annotations)


def tell_of_pairs(paths: list[str], labels: Path, end: str) -> None:
    """Name images and labels that are alone; RequestError if all of them are."""
    images = {Path(path).stem for path in paths}
    # labelImg writes classes.txt beside the labels of YOLO.
    files = {path.stem for path in labels.glob(f'*{end}')} - {'classes'}
    if not images & files:
        raise RequestError(f'{labels} has no {end} with the name of an image')
    if images - files:
        rest = some(sorted(images - files))
        warn(f'without labels, taken for images without objects: {rest}')
    if files - images:
        warn(f'labels without an image, left out: {some(sorted(files - images))}')


def as_told(found, marks: dict[str, Marks], classes: list[str] | None, crowds: bool):
    """VOC's data set with one order of classes, and with difficult objects as crowds.

    Args:
        classes: Those to keep, in their order; None keeps all, sorted by name.
        crowds: Whether difficult objects are to be neither learned nor counted.
    """
    names = {name for mark in marks.values() for name in mark.names}
    order = classes or sorted(names)
    if missing := [name for name in order if name not in names]:
        raise RequestError(
            f'no object is of class {missing[0]!r}, but of {some(sorted(names), 9)}'
        )
    if rest := sorted(names - set(order)):
        warn(f'objects of other classes, left out: {some(rest)}')
    for path, boxes in found.annotations.items():
        mark = marks.get(Path(path).stem, Marks())
        kept = np.array([name in order for name in mark.names], bool)
        boxes.data['iscrowd'] = np.array(mark.difficult, int) * crowds
        boxes = found.annotations[path] = boxes[kept]
        labels = [order.index(name) for name in mark.names if name in order]
        boxes.class_id = np.array(labels, int)
    found.classes = [*order]
    return found


def count_from_zero(found) -> None:
    """Undo what supervision does to the first corner, as VOC counts from 1."""
    for boxes in found.annotations.values():
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
        warn(f'labelled at another size than the image has: {some(other)}')


def warn(text: str) -> None:
    print(f'warning: {text}', file=sys.stderr)
