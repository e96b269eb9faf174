"""SIGKILL at random moments of runs that save each iteration and keep one."""

import signal
from pathlib import Path

from chain import Anytime, InSave, Tally, Task, hit_often, whole_run
from outcome import Outcome

AT_ONCE = 5  # hits of a task, all on one run if it lasts


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """Two of five kills fall within a save, which a slow disk makes long."""
    tally = kill(tries, folder, jobs)
    return outcome('SIGKILL, a checkpoint each iteration, one kept', tally)


def kill(tries: int, folder: Path, jobs: int, **settings) -> Tally:
    """Hit runs with these settings of :func:`subject.train`."""
    whole = whole_run(folder / 'whole', **settings)
    in_save = round(0.4 * tries)
    tasks = []
    for hitter, total in (
        (Anytime(signal.SIGKILL), tries - in_save),
        (InSave(signal.SIGKILL), in_save),
    ):
        for first in range(0, total, AT_ONCE):
            name = f'{type(hitter).__name__.lower()}_{first}'
            times = min(AT_ONCE, total - first)
            tasks.append(Task(name, folder, times, hitter, whole))
    return hit_often(tasks, jobs)


def outcome(fault: str, tally: Tally, note: str = '') -> Outcome:
    lost = tally.losses.total()
    return Outcome(fault, tally.hits, tally.hits - lost, lost, summary(tally) + note)


def summary(tally: Tally) -> str:
    """Where the hits fell, what they lost, and how the runs ended."""
    where = ', '.join(f'{phase} {n}' for phase, n in sorted(tally.phases.items()))
    halves = f' ({tally.halves} left half a file)' if tally.halves else ''
    what = ''.join(f'; {n} x {lost}' for lost, n in tally.losses.most_common())
    ends = f'; {tally.ends[True]} of {tally.ends.total()} ends bit-equal'
    return f'in {where}{halves}{what}{ends}'
