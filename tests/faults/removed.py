"""A work dir that goes away while a run is at work in it."""

from pathlib import Path
from random import Random

from chain import Whole, whole_run
from outcome import Outcome
from single import Run, ended_in_one_line, moment, tried


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """It survives if the run says so in one line and does not make it again."""
    whole = whole_run(folder / 'whole')
    note = 'one line, status 1'
    return tried('work dir deleted', one_try, tries, folder, jobs, whole, note)


def one_try(folder: Path, whole: Whole, chance: Random) -> str:
    work_dir = folder / 'run'
    run = Run(work_dir, folder / 'run.log')
    moment(run, whole, chance)
    # At one moment, as no removal of many files is.
    work_dir.rename(folder / 'gone')
    problem = ended_in_one_line(run, 1, 'was removed while the run was at work in it')
    return problem or ('it is there again' if work_dir.exists() else '')
