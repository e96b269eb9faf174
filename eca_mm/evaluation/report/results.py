"""Annotations and results as the figures need them, checked for form."""

import json
from pathlib import Path

import numpy as np

from eca_mm.coco_format import check_coco, read_coco
from eca_mm.findings import ERROR

from .runs import KINDS, ReportError, Run


def read_annotations(path: Path, classes: list[str] | None = None) -> dict:
    """The content of a COCO annotation file.

    Args:
        classes: If given, only these: the metric leaves the others out, too.

    Raises:
        ReportError: The file is missing, not in COCO's format, or has an error in it.
    """
    try:
        coco = read_coco(path)
    except (OSError, ValueError) as error:
        raise ReportError(f'annotation file {error}') from None
    findings, _ = check_coco(coco)
    for finding in findings:
        if finding.level == ERROR:
            raise ReportError(f'annotation file {path}: {finding.line()}')
    kept = {
        category['id']
        for category in coco['categories']
        if classes is None or category['name'] in classes
    }
    return coco | dict(
        categories=[c for c in coco['categories'] if c['id'] in kept],
        annotations=[
            dict(iscrowd=0) | a  # which some files leave out
            for a in coco['annotations']
            if a['category_id'] in kept
        ],
    )


def read_results(run: Run) -> dict[str, list[dict]]:
    """The results of a run of each kind, 'bbox' and 'segm', that its files hold.

    Raises:
        ReportError: A file is empty or not in COCO's result format.
    """
    found = {}
    for kind, path in run.files.items():
        results = read_json(path, 'result file')
        check_form(results, path)
        # A file that was named by hand says itself what it holds.
        kinds = [kind] if kind else kinds_of(results[0])
        found |= dict.fromkeys(kinds, results)
    return found


def kinds_of(result: dict) -> list[str]:
    return [
        kind
        for kind, key in zip(KINDS, ('bbox', 'segmentation'), strict=True)
        if key in result
    ]


def check_form(results, path: Path) -> None:
    """Raise ReportError unless these are COCO results with numbers that are numbers."""
    if not isinstance(results, list):
        raise ReportError(f'{path} is not in COCO result format: a list of detections')
    if not results:
        raise ReportError(f'{path} is empty: nothing was detected')
    keys = {'image_id', 'category_id', 'score'}
    shapes = set(kinds_of(results[0])) if isinstance(results[0], dict) else set()
    for i, result in enumerate(results):
        if not isinstance(result, dict) or not keys <= result.keys():
            raise ReportError(
                f'{path} is not in COCO result format: entry {i} lacks image_id, '
                'category_id or score'
            )
        if not shapes or set(kinds_of(result)) != shapes:
            raise ReportError(
                f'{path}: entry {i} has not the bbox or segmentation of the others'
            )
    check_numbers([[r['score']] for r in results], 1, f'{path}: score')
    if 'bbox' in shapes:
        check_numbers([r['bbox'] for r in results], 4, f'{path}: bbox')


def check_numbers(rows: list, length: int, what: str) -> None:
    """Raise ReportError unless every row is ``length`` finite numbers."""
    try:
        array = np.array(rows, dtype=float)
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.shape != (len(rows), length):
        number = 'a number' if length == 1 else f'{length} numbers'
        raise ReportError(f'{what} is not {number} in every entry')
    bad = np.flatnonzero(~np.isfinite(array).all(1))
    if len(bad):
        value = rows[bad[0]] if length > 1 else rows[bad[0]][0]
        raise ReportError(f'{what} of entry {bad[0]} is {value}')


def read_json(path: Path, what: str):
    """The content of a JSON file; ReportError with one line if there is none."""
    if not path.is_file():
        raise ReportError(f'{what} {path} not found')
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ReportError(f'{what} {path} is not valid JSON ({error})') from None
