"""Two ranks, one of which is killed: the job ends soon, and a resume loses nothing."""

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from outcome import Outcome

from eca_mm.checkpoints.safe import load_file

HERE = Path(__file__).parent
LAUNCH = HERE.parents[1] / 'tools/launch.py'
MOST = 60  # seconds from the kill to the end of the job
ITERATIONS = 12


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """Kill a random rank at a random iteration, each time in a fresh job.

    Args:
        folder: Gets a work dir for each try.
        jobs: How many tries continue at the same time.
    """
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(lambda i: one_try(folder / str(i), i), range(tries)))
    problems = [problem for problem, _ in found if problem]
    slowest = max(seconds for _, seconds in found)
    note = f'job ended after {slowest:.1f} s at most'
    lost = sum(problem.startswith('lost') for problem in problems)
    return Outcome(
        'a rank killed (2 on gloo)',
        tries,
        tries - len(problems),
        lost,
        '; '.join([note, *problems[:3]]),
    )


def one_try(folder: Path, seed: int) -> tuple[str, float]:
    """What went wrong, if anything, and the seconds from the kill to the job's end."""
    folder.mkdir(parents=True)
    draw = random.Random(seed)
    rank, iteration = draw.randrange(2), draw.randrange(ITERATIONS)
    whole, killed = folder / 'whole', folder / 'killed'
    status, text = job(whole, killed, '--kill', rank, iteration)
    if not (killed / 'killed').is_file():
        return f'nothing was killed: {text[-300:]}', 0
    seconds = time.time() - (killed / 'killed').stat().st_mtime
    words = f'rank {rank} was killed by SIGKILL'
    if status != 137 or seconds > MOST or words not in text:
        return f'status {status} after {seconds:.0f} s: {text[-300:]}', seconds
    status, text = job(killed)
    if status != 0:
        return f'lost: the resume ended with {status}: {text[-300:]}', seconds
    one, two = (end_state(work_dir) for work_dir in (whole, killed))
    same = one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)
    return '' if same else 'the end state is another', seconds


def job(*args) -> tuple[int, str]:
    """Exit status, and what was printed, of two ranks with some arguments."""
    command = ['--standalone', '--nproc_per_node=2', HERE / 'two_ranks.py', *args]
    done = subprocess.run(
        [sys.executable, str(LAUNCH), *map(str, command)], text=True, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), OMP_NUM_THREADS='1'),
    )  # fmt: skip
    return done.returncode, done.stdout


def end_state(work_dir: Path) -> dict:
    """Weights and momentum after the last iteration."""
    state = load_file(work_dir / f'iter_{ITERATIONS}.pth')
    momentum = {
        f'momentum {i}': group['momentum_buffer']
        for i, group in state['optimizer']['state'].items()
    }
    return state['state_dict'] | momentum
