"""SIGKILL at random moments of runs that save each epoch, as COCO's configs do."""

from pathlib import Path

from kills import kill, outcome
from outcome import Outcome


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """As :mod:`kills`; a kill in a validation must not cost its best checkpoint."""
    tally = kill(tries, folder, jobs, by_epoch=True)
    return outcome('SIGKILL, a checkpoint each epoch, one kept', tally)
