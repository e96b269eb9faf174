"""Everything that the sections of a report are made from, read and worked out once."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from eca_mm.coco_format import Truth
from eca_mm.evaluation.bootstrap import PER_CLASS, Bootstrap, bootstrap
from eca_mm.evaluation.detections import Detections
from eca_mm.evaluation.difference import Difference
from eca_mm.evaluation.marks import Marks, marks

from .copies import refuse_copies
from .groups import Group, by_group
from .plain_text import printable
from .run_files import check_results, read_annotations, read_results, with_kinds
from .runs import KINDS, ReportError, Run
from .words import SHOWN

Step = Callable[[str], None]


@dataclass(frozen=True)
class Material:
    """The groups of a report and what was worked out from their results.

    Attributes:
        groups: In the order of the report.
        baseline: Name of the group that the others are compared with, None for one.
        data: Name of the annotation file.
        annotations: Its content.
        images: Folder of the images, None if not known.
        detections: For each kind, 'bbox' and 'segm', the results of each group's first
            run: curves, errors and pictures are of this one.
        sampled: For each kind the bootstrap of all runs over the images.
        margin: Within which groups shall be shown equivalent, a fraction; None: not.
        notes: What is odd in the files, and changes what the figures say.
    """

    groups: list[Group]
    baseline: str | None
    data: str
    annotations: dict
    images: Path | None
    detections: dict[str, dict[str, Detections]]
    sampled: dict[str, Bootstrap]
    margin: float | None = None
    notes: list[str] = field(default_factory=list)

    def others(self, kind: str) -> list[str]:
        """The groups that can be compared with the baseline."""
        names = list(self.detections[kind])
        if self.baseline not in names:
            return []
        return [name for name in names if name != self.baseline]

    @property
    def runs(self) -> list[Run]:
        """All runs, group by group."""
        return [run for group in self.groups for run in group.runs]

    @cached_property
    def names(self) -> list[str]:
        """Of the groups."""
        return [group.name for group in self.groups]

    @cached_property
    def places(self) -> dict[str, int]:
        """Of each group and each run the place of its group, which has its colour."""
        places = {group.name: i for i, group in enumerate(self.groups)}
        for i, group in enumerate(self.groups):
            places |= {run.name: i for run in group.runs}
        return places

    @cached_property
    def several(self) -> bool:
        """Whether a group has more than one run."""
        return len(self.runs) > len(self.groups)

    @cached_property
    def marks(self) -> Marks:
        """Which of the differences are marked."""
        if self.baseline is None:
            return Marks({}, {}, 0, 0)
        return marks(self.sampled, self.baseline, SHOWN)

    @cached_property
    def of_classes(self) -> dict[tuple[str, str], Difference]:
        """Of each kind and group its differences to the baseline, class by class."""
        return {
            (kind, name): sampled.difference(name, self.baseline, PER_CLASS)
            for kind, sampled in self.sampled.items()
            for name in self.others(kind)
        }

    @cached_property
    def file_names(self) -> dict[int, str]:
        """Of the images, by their ids."""
        return {image['id']: image['file_name'] for image in self.annotations['images']}


def gather(
    groups: list[Group],
    baseline: str | None,
    ann: Path | None,
    images: Path | None,
    replicates: int,
    seed: int,
    step: Step,
    margin: float | None = None,
) -> Material:
    """Read and check everything, then match and resample.

    Args:
        step: Told what is being done, for a progress display.

    Raises:
        ReportError: A file is missing or wrong, or two do not belong together.
    """
    runs = [run for group in groups for run in group.runs]
    baseline = baseline_of(groups, baseline)
    images = images_of(runs, images)
    ann = Path(ann) if ann else annotation_file(runs)
    found, notes = read_detections(runs, ann, step)
    truth = next(iter(next(iter(found.values())).values())).truth
    detections, sampled = {}, {}
    for kind, of_runs in found.items():
        step(f'matching and resampling the images ({KINDS[kind]})')
        of_groups = by_group(groups, of_runs, kind)
        detections[kind] = {name: several[0] for name, several in of_groups.items()}
        matches = {name: [d.matches for d in ds] for name, ds in of_groups.items()}
        refuse_copies(matches)
        seeds = {group.name: group.seeds for group in groups}
        sampled[kind] = bootstrap(matches, replicates, seed, seeds=seeds)
    return Material(
        groups,
        baseline,
        ann.name,
        truth.content,
        images,
        detections,
        sampled,
        margin,
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


def baseline_of(groups: list[Group], name: str | None) -> str | None:
    """The group to compare with: the one that is named, else the first of several."""
    names = [group.name for group in groups]
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
