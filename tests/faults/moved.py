"""A work dir that gets another name between a kill and the resume."""

import signal
from pathlib import Path

from chain import InSave, Task, hit_often, whole_run
from kills import outcome
from outcome import Outcome


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """Each run is killed up to 3 times, within a save."""
    whole = whole_run(folder / 'whole')
    tasks = [
        Task(f'moved_{first}', folder, min(3, tries - first), InSave(signal.SIGKILL),
             whole, moves=True)
        for first in range(0, tries, 3)
    ]  # fmt: skip
    return outcome('SIGKILL, then the work dir moved', hit_often(tasks, jobs))
