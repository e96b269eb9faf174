"""A second run in the work dir of one that is at work, which is then killed or not."""

import os
import signal
import socket
from pathlib import Path
from random import Random

from chain import Whole, whole_run
from outcome import Outcome
from processes import status_of
from single import Run, ended_in_one_line, ends_as, moment, tried
from subject import end_state, same


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    whole = whole_run(folder / 'whole')
    note = 'rejected with host and process; half of the first ones killed'
    return tried('two runs in one work dir', one_try, tries, folder, jobs, whole, note)


def one_try(folder: Path, whole: Whole, chance: Random) -> str:
    work_dir = folder / 'run'
    first = Run(work_dir, folder / 'first.log')
    moment(first, whole, chance)
    os.kill(first.pid, signal.SIGSTOP)  # it is not to end before it is asked for
    words = f'in use by another run (process {first.pid} on {socket.gethostname()}'
    problem = ended_in_one_line(Run(work_dir, folder / 'second.log'), 2, words)
    is_killed = chance.random() < 0.5
    os.kill(first.pid, signal.SIGKILL if is_killed else signal.SIGCONT)
    status = status_of(first.pid)
    if problem:
        return f'the second: {problem}'
    if is_killed:
        return ends_as(work_dir, whole, folder / 'third.log')
    if status:
        return f'the first: status {status}: {first.last_line()}'
    return '' if same(end_state(work_dir), whole.state) else 'another end state'
