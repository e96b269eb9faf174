"""Everything that the sections of a report are made from, read and worked out once."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from eca_mm.coco_format import Truth

from ..bootstrap import Bootstrap, bootstrap
from ..detections import Detections
from .plain_text import printable
from .results import check_results, read_annotations, read_results, with_kinds
from .runs import KINDS, ReportError, Run

Step = Callable[[str], None]


@dataclass(frozen=True)
class Material:
    """The runs of a report and what was worked out from their results.

    Attributes:
        runs: In the order of the report.
        baseline: Name of the run that the others are compared with, None for one run.
        data: Name of the annotation file.
        annotations: Its content.
        images: Folder of the images, None if not known.
        detections: For each kind, 'bbox' and 'segm', the results of each run.
        sampled: For each kind the bootstrap over the images.
        notes: What is odd in the files, and changes what the figures say.
    """

    runs: list[Run]
    baseline: str | None
    data: str
    annotations: dict
    images: Path | None
    detections: dict[str, dict[str, Detections]]
    sampled: dict[str, Bootstrap]
    notes: list[str] = field(default_factory=list)

    def others(self, kind: str) -> list[str]:
        """The runs that can be compared with the baseline."""
        names = list(self.detections[kind])
        if self.baseline not in names:
            return []
        return [name for name in names if name != self.baseline]

    @cached_property
    def names(self) -> list[str]:
        return [run.name for run in self.runs]

    @cached_property
    def file_names(self) -> dict[int, str]:
        """Of the images, by their ids."""
        return {image['id']: image['file_name'] for image in self.annotations['images']}


def gather(
    runs: list[Run],
    baseline: str | None,
    ann: Path | None,
    images: Path | None,
    replicates: int,
    seed: int,
    step: Step,
) -> Material:
    """Read and check everything, then match and resample.

    Args:
        step: Told what is being done, for a progress display.

    Raises:
        ReportError: A file is missing or wrong, or two do not belong together.
    """
    baseline = baseline_of(runs, baseline)
    images = images_of(runs, images)
    ann = Path(ann) if ann else annotation_file(runs)
    detections, notes = read_detections(runs, ann, step)
    sampled = {}
    for kind, of_runs in detections.items():
        step(f'matching and resampling the images ({KINDS[kind]})')
        matches = {name: found.matches for name, found in of_runs.items()}
        sampled[kind] = bootstrap(matches, replicates, seed, progress=True)
    truth = next(iter(next(iter(detections.values())).values())).truth
    return Material(
        runs,
        baseline,
        ann.name,
        truth.content,
        images,
        detections,
        sampled,
        notes,
    )


def read_detections(
    runs: list[Run], ann: Path, step: Step
) -> tuple[dict[str, dict[str, Detections]], list[str]]:
    """Of each kind the detections of each run on one data set, and notes on them.

    Raises:
        ReportError: A file is missing or wrong.
    """
    step('reading the results')
    rows = with_kinds({run.name: read_results(run) for run in runs})
    masks = any('segm' in of_run for of_run in rows.values())
    step('reading the annotations')
    truth = read_annotations(ann, classes_of(runs), masks)
    shared: Truth | Detections = truth
    detections: dict[str, dict[str, Detections]] = {}
    notes = list(truth.notes)
    for run in runs:
        step(f'checking {run.name}')
        for kind, results in check_results(run, rows[run.name], truth).items():
            shared = Detections(shared, results, kind)  # one loaded data set for all
            detections.setdefault(kind, {})[run.name] = shared
            notes += [f'{run.name}: {note}' for note in results.notes]
            if not results.rows:
                notes.append(f'{run.name}: nothing was detected ({KINDS[kind]})')
    notes = list(dict.fromkeys(notes))
    for note in notes:
        print('warning:', printable(note), file=sys.stderr)
    return detections, notes


def baseline_of(runs: list[Run], name: str | None) -> str | None:
    """The run to compare with: the one that is named, else the first of several."""
    names = [run.name for run in runs]
    if name is None:
        return names[0] if len(names) > 1 else None
    if name not in names:
        raise ReportError(f'--baseline {name}: the runs are {", ".join(names)}')
    return name


def annotation_file(runs: list[Run]) -> Path:
    """The one annotation file that all runs were evaluated on."""
    named = {str(run.annotations or run.record.get('annotations')) for run in runs}
    named -= {'None'}
    if not named:
        raise ReportError('no annotation file known: give it with --ann FILE')
    if len(named) > 1:
        raise ReportError(
            f'the runs were evaluated on {" and ".join(sorted(named))}: give one of '
            'them with --ann, or report on the runs one by one'
        )
    found = next((run.annotations for run in runs if run.annotations), None)
    if found is None:
        raise ReportError(
            f'{runs[0].name} was evaluated on {named.pop()}, outside of its work dir: '
            'if the work dir is yours, give that file with --ann'
        )
    return found


def classes_of(runs: list[Run]) -> list[str] | None:
    """The classes that were evaluated, where the runs say so."""
    known = {run.name: run.record['classes'] for run in runs if 'classes' in run.record}
    if len({frozenset(classes) for classes in known.values()}) > 1:
        raise ReportError(f'{" and ".join(known)} do not have the same classes')
    return next(iter(known.values()), None)


def images_of(runs: list[Run], images: Path | None) -> Path | None:
    """The folder of the images, where it is known and there."""
    if images and not images.is_dir():
        raise ReportError(f'image folder {images} not found')
    if images:
        return images
    folders = (run.images for run in runs)
    return next((folder for folder in folders if folder and folder.is_dir()), None)
