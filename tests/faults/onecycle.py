"""SIGKILL at random moments of runs with OneCycle, which keeps a function as state."""

from pathlib import Path

from kills import kill, outcome
from outcome import Outcome
from subject import ITERATIONS

SCHEDULE = dict(
    type='OneCycleLR', eta_max=0.005, total_steps=ITERATIONS, by_epoch=False
)


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """As :mod:`kills`."""
    tally = kill(tries, folder, jobs, of_run=dict(param_scheduler=SCHEDULE))
    return outcome('SIGKILL, OneCycle', tally)
