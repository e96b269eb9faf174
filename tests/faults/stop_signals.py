"""SIGTERM, SIGINT and SIGHUP at random moments: the run saves, and ends as usual."""

import signal
from pathlib import Path

from chain import Anytime, Task, hit_often, whole_run
from kills import outcome
from outcome import Outcome


def run(tries: int, folder: Path, jobs: int = 2) -> list[Outcome]:
    """Each run takes up to 5 signals; its status has to be 143, 130 or 129."""
    whole = whole_run(folder / 'whole', by_epoch=True)
    outcomes = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        total = -(-tries // 3)
        tasks = [
            Task(f'{number.name}_{first}', folder, min(5, total - first),
                 Anytime(number), whole)
            for first in range(0, total, 5)
        ]  # fmt: skip
        name = f'{number.name}, a checkpoint each epoch'
        note = f'; all with status {128 + number}'
        outcomes.append(outcome(name, hit_often(tasks, jobs), note))
    return outcomes
