"""The report of a campaign: all rows, each a group of seeds."""

from pathlib import Path

from eca_mm.report.read_record import read_record
from eca_mm.report.runs import RECORD, ReportError
from eca_mm.report.write import write_report

from . import notes
from .plan import Run

REPORT = 'report'


def report_runs(folder: Path, runs: list[Run]) -> Path:
    """Write the report of the runs that are done; its page.

    Raises:
        ReportError: No run is done, none of the first row is, or the runs cannot be
            compared.
    """
    # In the plan's order: the first row is what the others are compared with.
    groups: dict[str, list[Path]] = {run.row: [] for run in runs}
    for run in runs:
        if notes.finished(run):
            groups[run.row].append(run.folder)
    groups = {row: folders for row, folders in groups.items() if folders}
    if not groups:
        raise ReportError('no run is done')
    if runs[0].row not in groups:
        raise ReportError(
            f'no run of {runs[0].row} is done, which the others are compared with'
        )
    ann, images = data_of([place for places in groups.values() for place in places])
    return write_report(groups, folder / REPORT, ann=ann, images=images)


def data_of(folders: list[Path]) -> tuple[Path, Path | None]:
    """The annotation file that all runs were tested on, and the folder of its images.

    A campaign's own work dirs: their data are read wherever they lie.

    Raises:
        ReportError: It is not the same one, or not known.
    """
    records = [(place, read_record(place / RECORD)[0]) for place in folders]
    files = {
        (at / r['annotations']).resolve() for at, r in records if 'annotations' in r
    }
    if len(files) != 1:
        named = ' and '.join(sorted(map(str, files))) or 'data that they do not name'
        raise ReportError(
            f'the runs were tested on {named}: compare rows of one data set'
        )
    images = next((at / r['images'] for at, r in records if 'images' in r), None)
    return files.pop(), images if images and images.is_dir() else None
