"""SIGKILL at random moments of runs that save every iteration and keep one."""

import signal
from pathlib import Path

from chain import Anytime, InSave, Tally, Task, Whole, hit_often, whole_run
from outcome import Outcome

AT_ONCE = 5  # hits of a task, all on one run if it lasts


def run(tries: int, folder: Path, jobs: int = 2) -> list[Outcome]:
    """Our hook, and mmengine's for comparison; two of five kills within a save."""
    whole = whole_run(folder)
    ours = kill(tries, folder, jobs, whole, 'SafeCheckpointHook')
    host = kill(tries, folder, jobs, whole, 'CheckpointHook')
    lost = ours.losses.total()
    return [
        Outcome('SIGKILL', ours.hits, ours.hits - lost, lost, note(ours)),
        Outcome(
            "SIGKILL, mmengine's CheckpointHook (comparison)",
            host.hits,
            host.hits - host.losses.total(),
            host.losses.total(),
            f'{note(host)}; its files, looked for and read by our resume',
        ),
    ]


def kill(tries: int, folder: Path, jobs: int, whole: Whole, hook: str) -> Tally:
    in_save = round(0.4 * tries)
    tasks = []
    for hitter, total in (
        (Anytime(signal.SIGKILL), tries - in_save),
        (InSave(signal.SIGKILL), in_save),
    ):
        for first in range(0, total, AT_ONCE):
            name = f'{hook}_{type(hitter).__name__}_{first}'
            times = min(AT_ONCE, total - first)
            tasks.append(Task(name, folder, times, hitter, whole, hook))
    return hit_often(tasks, jobs)


def note(tally: Tally) -> str:
    """Where the hits fell, what they lost, and how the runs ended."""
    where = ', '.join(f'{phase} {n}' for phase, n in sorted(tally.phases.items()))
    what = ''.join(f'; {n} x {lost}' for lost, n in tally.losses.most_common())
    halves = f' ({tally.halves} left half a file)' if tally.halves else ''
    return (
        f'in {where}{halves}{what}; {tally.ends[True]} of {tally.ends.total()} runs '
        'that went on to the end ended as the one without a hit'
    )
