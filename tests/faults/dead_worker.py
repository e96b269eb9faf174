"""A data worker that is killed, as by the system that is out of memory."""

import os
import signal
from pathlib import Path
from random import Random

from chain import Whole, whole_run
from outcome import Outcome
from single import Run, ended_in_one_line, ends_as, moment, tried
from subject import end_state, same

WORKERS = dict(of_run=dict(workers=2))


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """It survives if one line names the worker, and a resume loses nothing."""
    whole = whole_run(folder / 'whole', **WORKERS)
    note = 'one line, status 1; the resumes end bit-equal'
    return tried('data worker killed', one_try, tries, folder, jobs, whole, note)


def one_try(folder: Path, whole: Whole, chance: Random) -> str:
    work_dir = folder / 'run'
    run = Run(work_dir, folder / 'run.log', **WORKERS)
    moment(run, whole, chance)
    children = Path(f'/proc/{run.pid}/task/{run.pid}/children').read_text().split()
    worker = chance.choice(children)
    os.kill(int(worker), signal.SIGKILL)
    if run.status == 0:  # one of the validation, after the last that it was needed for
        return '' if same(end_state(work_dir), whole.state) else 'another end state'
    problem = ended_in_one_line(run, 1, f'stopped: data worker {worker} ')
    return problem or ends_as(work_dir, whole, folder / 'resumed.log', **WORKERS)
