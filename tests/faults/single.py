"""Faults that hit a run once, each of them a run of its own."""

import time
from collections import Counter
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from random import Random

from chain import Whole, wait
from outcome import Outcome
from processes import chance, each, forked, has_ended, status_of
from subject import Watch, end_state, same, train

# Gets a folder, what a whole run leaves and random numbers; says what is wrong.
Try = Callable[[Path, Whole, Random], str]


class Run:
    """A run in a process of its own, which has begun to train.

    Attributes:
        log: What it has printed.
    """

    def __init__(self, work_dir: Path, log: Path, **settings) -> None:
        watch = Watch()
        self.log = log
        self.pid = forked(partial(train, work_dir, watch, **settings), log)
        while watch.phase == 'start-up' and not has_ended(self.pid):
            time.sleep(0.001)

    @cached_property
    def status(self) -> int:
        return status_of(self.pid)

    def last_line(self) -> str:
        return (self.log.read_text().splitlines() or [''])[-1]


def moment(run: Run, whole: Whole, chance: Random) -> None:
    """Wait for any moment of its first third, should it be faster than the whole."""
    wait(run.pid, chance.uniform(0, whole.rest / 3))


def ends_as(work_dir: Path, whole: Whole, log: Path, **settings) -> str:
    """What is wrong with a run that continues to its end, if anything."""
    run = Run(work_dir, log, **settings)
    status = run.status
    if status:
        return f'then status {status}: {run.last_line()}'
    return '' if same(end_state(work_dir), whole.state) else 'another end state'


def ended_in_one_line(run: Run, status: int, words: str) -> str:
    """What is wrong with how a run has ended, if anything."""
    found, said = run.status, run.log.read_text()
    # torch raises from a signal, which Python may have to ignore where it strikes.
    tracebacks = said.count('Traceback') - said.count('Exception ignored')
    if found != status or tracebacks > 0 or words not in run.last_line():
        return f'status {found}: {run.last_line()}'
    return ''


def tried(fault: str, one_try: Try, tries: int, folder: Path, jobs: int, whole: Whole,
          note: str) -> Outcome:  # fmt: skip
    """A row of the table from so many tries, several of them side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    found = each(partial(numbered, one_try, folder, whole), range(tries), jobs)
    problems = Counter(problem for problem in found if problem)
    lost = problems.total()
    words = [note, *(f'{n} x {problem}' for problem, n in problems.most_common())]
    return Outcome(fault, tries, tries - lost, lost, '; '.join(words))


def numbered(one_try: Try, folder: Path, whole: Whole, number: int) -> str:
    here = folder / f'{number}'
    here.mkdir()
    return one_try(here, whole, chance(f'{folder.name} {number}'))
