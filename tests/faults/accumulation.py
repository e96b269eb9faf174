"""SIGTERM within steps of three iterations: no gradient of them may be lost."""

import signal
from pathlib import Path

from chain import Anytime, Task, hit_often, whole_run
from kills import outcome
from outcome import Outcome

AT_ONCE = 5  # hits of a task, all on one run if it lasts


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    settings = dict(optim_wrapper=dict(accumulative_counts=3))
    whole = whole_run(folder / 'whole', of_run=settings)
    tasks = [
        Task(f'{first}', folder, min(AT_ONCE, tries - first), Anytime(signal.SIGTERM),
             whole)
        for first in range(0, tries, AT_ONCE)
    ]  # fmt: skip
    return outcome('SIGTERM, gradients of 3 iterations', hit_often(tasks, jobs))
