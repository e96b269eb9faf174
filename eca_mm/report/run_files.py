"""The files of a report's runs, read and checked; what is wrong is a ReportError."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eca_mm import coco_format
from eca_mm.coco_format import Results, Truth, kinds_of, read_truth

from .runs import KINDS, ReportError, Run

Rows = dict[str, list]  # of each kind, '' where an empty file does not tell


def read_annotations(path: Path, classes: list[str] | None, masks: bool) -> Truth:
    """The ground truth in a COCO annotation file.

    Args:
        classes: If given, only these: the metric leaves the others out, too.
        masks: Whether there are results of masks.

    Raises:
        ReportError: The file is missing, not in COCO's format, or has an error in it.
    """
    with told_as('annotation file '):
        return read_truth(path, classes, masks)


def read_results(run: Run) -> Rows:
    """The detections of a run of each kind, 'bbox' and 'segm', that its files hold.

    Raises:
        ReportError: A file is not in COCO's result format.
    """
    found: Rows = {}
    for kind, path in run.files.items():
        with told_as():
            rows = coco_format.read_results(path)
        kinds = [kind]
        if not kind and rows:  # a file that was named by hand says itself what it holds
            kinds = kinds_of(rows)
            if not kinds:
                raise ReportError(
                    f'{path} is not in COCO result format: its first entry has neither '
                    'bbox nor segmentation'
                )
        found |= dict.fromkeys(kinds, rows)
    return found


def with_kinds(rows: dict[str, Rows]) -> dict[str, Rows]:
    """Of each run its detections; an empty file is of all kinds, or else of boxes."""
    known = {kind for of_run in rows.values() for kind in of_run} - {''}
    kinds = [kind for kind in KINDS if kind in known] or ['bbox']
    return {
        name: dict.fromkeys(kinds, of_run['']) if '' in of_run else of_run
        for name, of_run in rows.items()
    }


def check_results(run: Run, found: Rows, truth: Truth) -> dict[str, Results]:
    """The detections of a run, each checked once, whatever kinds it is of.

    Raises:
        ReportError: Names the file, the first entry that is wrong, and its value.
    """
    kinds: dict[int, list[str]] = {}
    for kind, rows in found.items():
        kinds.setdefault(id(rows), []).append(kind)
    checked = {}
    for names in kinds.values():
        path = run.files.get(names[0], run.files.get(''))
        with told_as(f'{path}: '):
            results = coco_format.as_results(found[names[0]], truth, names)
        checked |= dict.fromkeys(names, results)
    return checked


@contextmanager
def told_as(prefix: str = '') -> Iterator[None]:
    """Turn what reading and checking raise into a ReportError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ReportError(f'{prefix}{error}') from None
