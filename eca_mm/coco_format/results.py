"""Results in COCO's format, checked against the ground truth that they are of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eca_mm.findings import some

from .boxes import image_sizes, unfit_boxes
from .entries import NUMBERS, Entries
from .masks import far_polygons, short_polygons, unfit_runs, wrong_forms
from .read import read_json
from .truth import Truth, all_plain, renamed

SHAPES = {'bbox': 'bbox', 'segm': 'segmentation'}  # the field of each kind
MASK = 'is no mask: polygons [[x1, y1, x2, y2, x3, y3, ...], ...] or run lengths'


@dataclass(frozen=True)
class Results:
    """Detections that were checked once, for all their kinds.

    Attributes:
        rows: Dicts with image_id, category_id, score, and bbox (x, y, width, height in
            pixels), segmentation (polygons, or RLE with counts as text or list).
        kinds: 'bbox', 'segm'.
        notes: What is odd in them, in words.
    """

    rows: list[dict]
    kinds: tuple[str, ...]
    notes: list[str] = field(default_factory=list)


def read_results(path: Path) -> list:
    """The list in a result file, not yet checked.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not JSON, or no list.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path} not found')
    rows = read_json(path)
    if not isinstance(rows, list):
        raise ValueError(f'{path} is not in COCO result format: a list of detections')
    return rows


def kinds_of(rows: list) -> list[str]:
    """What results hold by their first: 'bbox', 'segm', both; of none, none."""
    first = rows[0] if rows and isinstance(rows[0], dict) else {}
    return [kind for kind, shape in SHAPES.items() if shape in first]


def as_results(
    rows: list, truth: Truth, kinds: Iterable[str], strict: bool = True
) -> Results:
    """Check detections; none at all is a result, too.

    Args:
        rows: Not changed.
        truth: Masks need one with masks.
        kinds: Of 'bbox' and 'segm' those that are evaluated.
        strict: Reject classes that the truth lacks, instead of leaving them out.

    Raises:
        ValueError: Names the first entry that is wrong, the field and its value.
    """
    kinds = tuple(kinds)
    check_fields(rows, ['image_id', 'category_id', 'score'])
    check_fields(rows, [SHAPES[kind] for kind in kinds])
    rows = check_ids(rows, truth, strict)
    check_scores([row['score'] for row in rows])
    notes = []
    if 'bbox' in kinds:
        notes += check_boxes([row['bbox'] for row in rows])
    if 'segm' in kinds:
        if not truth.masks:
            raise ValueError('the ground truth was not read for masks')
        rows = [row | dict(segmentation=with_text(row['segmentation'])) for row in rows]
        check_masks(rows, truth)
    return Results(rows, kinds, notes)


def refuse(index: int, field: str, value, why: str) -> None:
    """Raise ValueError for a result."""
    shown = str(value) if isinstance(value, float) else repr(value)
    shown = shown if len(shown) <= 60 else f'{shown[:60]}...'
    raise ValueError(f'result {index} has {field} {shown}, {why}')


def check_fields(rows: list, fields: list[str]) -> None:
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ValueError(
                f'not in COCO result format: entry {i} is no object: {str(row)[:60]}'
            )
        for key in fields:
            if key not in row:
                raise ValueError(f'result {i} has no {key}')


def check_ids(rows: list[dict], truth: Truth, strict: bool) -> list[dict]:
    """The rows with ids as the truth has them; those it lacks are rejected."""
    for key, part in (('image_id', 'images'), ('category_id', 'categories')):
        known = truth.numbers.get(key) or truth.ids(part)
        try:
            if {row[key] for row in rows} <= set(known):
                continue
        except TypeError:  # a list: rejected below
            pass
        for i, row in enumerate(rows):
            fits = isinstance(row[key], (int, float, str)) and row[key] in known
            if not fits and (strict or key == 'image_id'):
                example = some(sorted(known), 1)
                refuse(
                    i, key, row[key], f'which the annotations lack: they have {example}'
                )
        rows = [row for row in rows if row[key] in known]
    rows = renamed(rows, truth.numbers)
    keys = ('image_id', 'category_id')
    if all_plain(row[key] for row in rows for key in keys):
        return rows
    return [row | {key: int(row[key]) for key in keys} for row in rows]  # 5.0


def check_scores(scores: list) -> None:
    fits = set(map(type, scores)) <= set(NUMBERS)
    if fits and np.isfinite(np.array(scores, float)).all():
        return
    for i, score in enumerate(scores):
        if type(score) not in NUMBERS:
            refuse(i, 'score', score, 'which is not a number')
        if not np.isfinite(float(score)):
            refuse(i, 'score', score, 'which is not finite')


def check_boxes(boxes: list) -> list[str]:
    """Reject what is no box; a note on boxes that are evaluated and are not finite."""
    wrong = unfit_boxes(boxes, np.inf)
    if wrong:
        refuse(wrong[0], 'bbox', boxes[wrong[0]], 'which is not 4 numbers')
    values = np.array(boxes, float).reshape(-1, 4)
    odd = np.flatnonzero(~np.isfinite(values).all(1))
    if not len(odd):
        return []
    examples = some(f'result {i}: {boxes[i]}' for i in odd)
    return [f'{len(odd)} of {len(boxes)} boxes are not finite ({examples})']


def with_text(segmentation):
    """The same, with run lengths as in a file: pycocotools gives them as bytes."""
    if isinstance(segmentation, dict) and isinstance(segmentation.get('counts'), bytes):
        return segmentation | dict(counts=segmentation['counts'].decode('latin-1'))
    return segmentation


def check_masks(rows: list[dict], truth: Truth) -> None:
    """Reject masks that pycocotools would run out of memory or of its array for."""
    results = Entries('results', rows)
    shapes = results.column('segmentation')
    sizes = image_sizes(results, Entries('images', truth.content['images']))
    empty = (i for i, shape in enumerate(shapes) if not shape)
    for find, why in (
        (lambda: empty, MASK),
        (lambda: wrong_forms(shapes), MASK),
        (lambda: short_polygons(shapes), 'with polygons below 3 points'),
        (lambda: far_polygons(results, sizes), 'which reaches far out of its image'),
        (lambda: unfit_runs(results, sizes), 'whose run lengths do not fill its image'),
    ):
        for i in find():
            refuse(int(i), 'segmentation', shapes[i], why)
