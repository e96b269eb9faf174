"""What is noted of a run on the disk, and what follows from it.

``run.json`` is the campaign's: the config's digest, the job, failures. ``job.json`` is
the job's. ``finished.json``, in the work dir, is written once, when everything of the
run is there and whole; a run that has it is never repeated.
"""

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from mmengine.config import Config

from eca_mm.checkpoints.safe import CheckpointError, load_file
from eca_mm.engine import RequestError
from eca_mm.engine.resume import check_sums, checkpoint_folder, last_checkpoint
from eca_mm.engine.run_lock import GONE
from eca_mm.files import replaced
from eca_mm.report.read_record import read_record
from eca_mm.report.runs import RECORD

from . import job
from .plan import Run

OWN, FINISHED = 'run.json', 'finished.json'
# Of a run that was told to end and has saved: SIGTERM, Ctrl-C, a closed terminal.
INTERRUPTED = (143, 130, 129)


def read(path: Path) -> dict:
    """A note; {} if there is none that can be read."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + '\n')


def own(run: Run) -> dict:
    """``digest``, and once it was begun ``job_id``, ``executor``, ``failed``."""
    return read(run.job / OWN)


def update(run: Run, **content) -> None:
    write(run.job / OWN, own(run) | content)


def of_job(run: Run) -> dict:
    return read(run.job / job.NOTE)


def finished(run: Run) -> dict:
    return read(run.folder / FINISHED)


def is_locked(run: Run) -> bool:
    """Whether anything of the run is alive on this machine."""
    try:
        descriptor = os.open(run.job / job.LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False


def is_alive(run: Run) -> bool:
    """As :func:`is_locked`; a run elsewhere lives while it prints."""
    if is_locked(run):
        return True
    told = of_job(run)
    if 'status' in told or told.get('host') in (None, socket.gethostname()):
        return False
    with suppress(OSError):
        return time.time() - (run.job / job.LOG).stat().st_mtime < GONE
    return False


def refuse_changed(runs: list[Run], digests: dict[str, str]) -> None:
    """Reject to continue with runs that were begun with other configs.

    Raises:
        RequestError: One line for each row.
    """
    changed = {}
    for run in runs:
        begun_with = (finished(run) or own(run)).get('digest', digests[run.row])
        if begun_with != digests[run.row]:
            changed.setdefault(run.row, run)
    if changed:
        raise RequestError(
            *(
                f'row {row}: its config or --cfg-options are not those that {run} was '
                f'begun with ({run.folder}): take them back, or name another --out'
                for row, run in changed.items()
            )
        )


def finish(run: Run, cfg: Config, digest: str) -> str:
    """Note that a run is done, if it is; else why it is not.

    Done is what has a last checkpoint that is whole, and the results of that one.
    """
    try:
        name, iteration = whole_checkpoint(run, cfg)
        record, _ = read_record(run.folder / RECORD)
    except (CheckpointError, OSError, ValueError) as error:
        return f'the run ended, but {error}'
    tested = Path(record.get('checkpoint') or '').name
    if record.get('iteration') != iteration and tested != name:
        return f'the run ended, but {RECORD} is not of its last checkpoint, {name}'
    facts = dict(row=run.row, seed=run.seed, digest=digest, checkpoint=name)
    write(run.folder / FINISHED, facts)
    return ''


def whole_checkpoint(run: Run, cfg: Config) -> tuple[str, int]:
    """Name and iteration of the last checkpoint of a run.

    Raises:
        CheckpointError: It is damaged, or there is none.
    """
    cfg = Config(dict(cfg.to_dict(), work_dir=str(run.folder)))
    path = last_checkpoint(run.folder, [checkpoint_folder(cfg), run.folder])
    if path is None:
        raise CheckpointError(f'there is no checkpoint in {run.folder}')
    check_sums(path)
    return path.name, load_file(path)['meta']['iter']
