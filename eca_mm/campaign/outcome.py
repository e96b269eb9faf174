"""The report of a campaign: all rows, each a group of seeds."""

from pathlib import Path

from eca_mm.evaluation.report.read_record import read_record
from eca_mm.evaluation.report.runs import RECORD, ReportError
from eca_mm.evaluation.report.write import write_report

from . import notes
from .plan import Run

REPORT = 'report'


def report_runs(folder: Path, runs: list[Run]) -> Path:
    """Write the report of the runs that are done; its page.

    Raises:
        ReportError: No run is done, or the runs cannot be compared.
    """
    groups: dict[str, list[Path]] = {}
    for run in runs:
        if notes.finished(run):
            groups.setdefault(run.row, []).append(run.folder)
    if not groups:
        raise ReportError('no run is done')
    first = next(iter(groups.values()))[0]
    # A campaign's own work dirs: their data are read wherever they lie.
    record, _ = read_record(first / RECORD)
    images = first / record.get('images', '')
    return write_report(
        groups,
        folder / REPORT,
        ann=first / record['annotations'],
        images=images if images.is_dir() else None,
    )
