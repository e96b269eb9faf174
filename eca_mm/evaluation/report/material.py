"""Everything that the sections of a report are made from, read and worked out once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..bootstrap import Bootstrap, bootstrap
from ..detections import Detections
from ..matching import Matches, match
from .results import read_annotations, read_results
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
    """

    runs: list[Run]
    baseline: str | None
    data: str
    annotations: dict
    images: Path | None
    detections: dict[str, dict[str, Detections]]
    sampled: dict[str, Bootstrap]

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
    step('reading the annotations')
    annotations = read_annotations(ann, classes_of(runs))
    detections: dict[str, dict[str, Detections]] = {}
    matches: dict[str, dict[str, Matches]] = {}
    shared = annotations
    for run in runs:
        step(f'reading {run.name}')
        for kind, results in read_results(run).items():
            step(f'matching {KINDS[kind]} results of {run.name}')
            with fitting(run):
                found = Detections(shared, results, kind)
                matched = match(annotations, results, kind)
            shared = found.ground_truth  # one copy for all
            detections.setdefault(kind, {})[run.name] = found
            matches.setdefault(kind, {})[run.name] = matched
    sampled = {}
    for kind, of_runs in matches.items():
        step(f'resampling the images ({KINDS[kind]})')
        sampled[kind] = bootstrap(of_runs, replicates, seed, progress=True)
    return Material(
        runs,
        baseline,
        ann.name,
        annotations,
        images,
        detections,
        sampled,
    )


@contextmanager
def fitting(run: Run) -> Iterator[None]:
    """Say whose results do not fit the annotations."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError(
            f'{run.name}: {error}: are these results of another data set?'
        ) from error


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
