"""How far each run is, from the disk alone: whoever can read the folder can ask."""

import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from eca_mm.report.read_record import read_record
from eca_mm.report.runs import RECORD

from . import job, notes
from .plan import Run, runs_in

DONE, RUNNING, WAITING, FAILED = STATES = ('done', 'running', 'waiting', 'failed')
TAIL = 20_000  # bytes of a log that are looked at
# mmengine's line of an iteration, by epochs or by iterations.
PROGRESS = re.compile(
    r'(?:Epoch\(train\)\s+\[(?P<epoch>\d+)\]|Iter\(train\)\s+)'
    r'\[\s*(?P<now>\d+)/(?P<all>\d+)\].*?'
    r'eta: (?:(?P<days>\d+) days?, )?(?P<h>\d+):(?P<m>\d+):(?P<s>\d+)'
)


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Attributes:
        state: One of :data:`STATES`.
        note: Where it is, or why it failed.
        eta: Seconds that its training will take; None if that is not known.
        scores: AP in percent of each kind, of a run that is done.
    """

    row: str
    seed: int
    state: str
    note: str = ''
    eta: float | None = None
    scores: dict[str, float] = field(default_factory=dict)


def status_of(run: Run) -> Status:
    name = (run.row, run.seed)
    own = notes.own(run)
    if notes.finished(run):
        return Status(*name, DONE, scores=scores_of(run.folder))
    if own.get('failed'):
        return Status(*name, FAILED, own['failed'])
    if notes.is_alive(run):
        note, eta = progress(run)
        return Status(*name, RUNNING, note, eta)
    if notes.of_job(run).get('status') == 0:
        return Status(*name, RUNNING, 'at its end')  # the campaign looks it through
    return Status(*name, WAITING, why_waiting(own, notes.of_job(run)))


def why_waiting(own: dict, told: dict) -> str:
    """What is to say about a run that nobody is at work on."""
    if told.get('status') in notes.INTERRUPTED or (told and 'status' not in told):
        return 'was interrupted, goes on'
    if told.get('status'):
        return f'failed once: {told["words"]}'
    if own.get('executor') == 'slurm' and own.get('job_id'):
        return f'Slurm job {own["job_id"]}'
    return ''


def scores_of(folder: Path) -> dict[str, float]:
    with suppress(OSError, ValueError):
        record, _ = read_record(folder / RECORD)
        found = {kind: row.get('AP') for kind, row in record['coco'].items()}
        return {kind: 100 * ap for kind, ap in found.items() if ap is not None}
    return {}


def progress(run: Run) -> tuple[str, float | None]:
    """Where a running run is by its log, and the seconds left of its training."""
    told = notes.of_job(run)
    stage = told.get('stage', 'start')
    try:
        with (run.job / job.LOG).open('rb') as log:
            age = time.time() - (run.job / job.LOG).stat().st_mtime
            log.seek(max(0, log.seek(0, 2) - TAIL))
            lines = [*PROGRESS.finditer(log.read().decode(errors='replace'))]
    except OSError:
        return stage, None
    if not lines or stage != 'train':
        return stage, None
    found = lines[-1]
    days, h, m, s = (int(found[name] or 0) for name in ('days', 'h', 'm', 's'))
    where = f'epoch {found["epoch"]}, ' if found['epoch'] else ''
    left = ((24 * days + h) * 60 + m) * 60 + s - age
    return f'{where}{found["now"]}/{found["all"]}', max(0.0, left)


def read_status(folder: Path) -> list[Status]:
    """Of the campaign that was last started in a folder.

    Raises:
        RequestError: There is none.
    """
    return [status_of(run) for run in runs_in(folder)]


def as_dict(folder: Path, found: list[Status]) -> dict:
    counts = Counter(status.state for status in found)
    return dict(
        folder=str(folder),
        counts={state: counts[state] for state in STATES},
        runs=[asdict(status) for status in found],
    )
