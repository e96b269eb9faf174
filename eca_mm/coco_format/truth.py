"""Annotations as an evaluation reads them, for the metric and for a report."""

from dataclasses import dataclass, field
from pathlib import Path

from eca_mm.findings import ERROR

from .read import read_json, with_parts
from .validate import check_coco


@dataclass(frozen=True)
class Truth:
    """Annotations that were checked, with what pycocotools reads of them.

    Attributes:
        content: As of a COCO file; each annotation is of an image and a category that
            are there, and has an iscrowd. All ids are whole numbers from 0.
        masks: Whether the segmentations were checked, too.
        notes: What changes the figures, or was left out.
        numbers: For 'image_id' and 'category_id' the number that stands for an id in
            the file, where these are not such numbers themselves; in their order,
            which is the order of equal scores.
    """

    content: dict
    masks: bool = False
    notes: list[str] = field(default_factory=list)
    numbers: dict[str, dict] = field(default_factory=dict)

    def ids(self, part: str) -> set[int]:
        """Of the images or categories."""
        return {entry['id'] for entry in self.content[part]}


def read_truth(path: Path, classes: list[str] | None = None, masks=False) -> Truth:
    """The ground truth in a COCO annotation file; see :func:`as_truth`.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not in COCO's format, or has an error in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path} not found')
    try:
        return as_truth(with_parts(read_json(path), str(path)), classes, masks)
    except TruthError as error:
        raise ValueError(f'{path}: {error}') from None


class TruthError(ValueError):
    """What is wrong in annotations, without the name of their file."""


def as_truth(
    coco: dict, classes: list[str] | None = None, masks: bool = False
) -> Truth:
    """Check annotations for an evaluation.

    Args:
        coco: Content of a COCO file. Not changed.
        classes: If given, only these: the metric leaves the others out, too.
        masks: Whether segmentations are evaluated.

    Raises:
        ValueError: Parts are missing, or there is an error in them, or no object.
    """
    coco, notes = checked(with_parts(coco, 'the data set'), masks)
    coco['images'] = named(coco['images'], 'file_name')
    coco['categories'] = [
        row
        for row in named(coco['categories'], 'name')
        if classes is None or row['name'] in classes
    ]
    content, numbers = numbered(with_owners(coco))
    if all(row['iscrowd'] for row in content['annotations']):
        raise TruthError('the annotations have no objects, or crowds alone')
    return Truth(content, masks, notes, numbers)


def checked(coco: dict, masks: bool) -> tuple[dict, list[str]]:
    """The same with an iscrowd for each annotation, and what changes its figures.

    Raises:
        TruthError: pycocotools could not evaluate it.
    """
    rows = [
        dict(iscrowd=0) | row if isinstance(row, dict) else row  # some leave it out
        for row in coco['annotations']
    ]
    coco = coco | dict(annotations=rows)
    findings, _ = check_coco(coco, masks, reported=True)
    for finding in findings:
        if finding.level == ERROR:
            raise TruthError(finding.line())
    return coco, [finding.line() for finding in findings]


def named(rows: list[dict], field: str) -> list[dict]:
    """Images or categories, by their id where they have no name."""
    return [
        row if isinstance(row.get(field), str) else row | {field: str(row['id'])}
        for row in rows
    ]


def with_owners(coco: dict) -> dict:
    """Without annotations of images and categories that are not there."""
    images = {row['id'] for row in coco['images']}
    categories = {row['id'] for row in coco['categories']}
    kept = [
        row
        for row in coco['annotations']
        if row['image_id'] in images and row['category_id'] in categories
    ]
    return coco | dict(annotations=kept)


def numbered(coco: dict) -> tuple[dict, dict[str, dict]]:
    """The same with numbers for ids that fast packages do not take, and these numbers.

    An annotation id of 0 stays: pycocotools never counts it as found.
    """
    numbers = {
        key: {old: new for new, old in enumerate(sorted(row['id'] for row in rows), 1)}
        for key, rows in (
            ('image_id', coco['images']),
            ('category_id', coco['categories']),
        )
        if not all_plain(row['id'] for row in rows)
    }
    changed = dict(coco)
    for key, part in (('image_id', 'images'), ('category_id', 'categories')):
        if key in numbers:
            new = numbers[key]
            changed[part] = [row | dict(id=new[row['id']]) for row in coco[part]]
    rows = changed['annotations']
    if not all_plain(row['id'] for row in rows):
        rows = [
            row | dict(id=i if float(row['id']) else 0) for i, row in enumerate(rows, 1)
        ]
    changed['annotations'] = renamed(rows, numbers)
    return changed, numbers


def all_plain(ids) -> bool:
    """Whether all are whole numbers from 0."""
    return all(type(key) is int and key >= 0 for key in ids)


def renamed(rows: list[dict], numbers: dict[str, dict]) -> list[dict]:
    """Annotations or results that refer to images and categories by their numbers."""
    for key, new in numbers.items():
        rows = [row | {key: new[row[key]]} for row in rows]
    return rows
