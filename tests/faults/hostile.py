"""Hostile files in every place where a tool reads one: nothing in them may run."""

import os
import runpy
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from attacks import attacks
from outcome import Outcome
from processes import each, forked, status_of

REPO = Path(__file__).parents[2]
CONFIG = str(REPO / 'configs/eca_faster_rcnn_r50.py')
NO_WEIGHTS = ['--cfg-options', 'model.backbone.init_cfg=None']

# Arguments of a tool, in which FILE is the hostile one and DIR its folder.
PLACES = {
    'init_cfg': ['train', CONFIG, '--cfg-options',
                 'model.backbone.init_cfg.checkpoint=FILE'],
    'load_from': ['train', CONFIG, *NO_WEIGHTS, 'load_from=FILE'],
    'resume': ['train', CONFIG, '--resume', 'FILE', *NO_WEIGHTS],
    'newest in the work dir': ['train', CONFIG, '--resume', '--work-dir', 'DIR',
                               *NO_WEIGHTS],
    'test': ['test', CONFIG, 'FILE'],
    'converter': ['convert_checkpoint', 'FILE', 'DIR/out.pth'],
    'report': ['report', 'ours=FILE', '--ann', 'FILE', '--out', 'DIR/report'],
}  # fmt: skip


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """Each file in each place; also under the name of a safetensors file.

    It survives if nothing ran, one line rejects it, and the exit status is 2.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [*attacks(folder / 'executed')]
    numbers = [number % len(names) for number in range(tries)]
    work = partial(attack, folder)
    found = each(work, [*enumerate(numbers)], jobs)
    lost = [problems for problems in found if problems]
    what = Counter(problem for problems in lost for problem in problems)
    note = f'each in {len(PLACES)} places and as .safetensors; nothing executed'
    if lost:
        note = '; '.join(f'{n} x {problem}' for problem, n in what.items())
    return Outcome('hostile file', tries, tries - len(lost), len(lost), note)


def attack(folder: Path, task: tuple[int, int]) -> list[str]:
    """What is wrong after one file has been given to all tools."""
    number, kind = task
    problems = []
    for place, arguments in [*PLACES.items(), ('as .safetensors', PLACES['converter'])]:
        here = folder / f'{number}' / place.replace(' ', '_')
        here.mkdir(parents=True)
        proof = here / 'executed'
        name, write = [*attacks(proof).items()][kind]
        suffix = 'safetensors' if place == 'as .safetensors' else 'pth'
        file = here / f'iter_4.{suffix}'
        write(file)
        attacks(proof)["torch's old format"](here / 'inner.pth')
        log = here.with_suffix('.log')
        told = [
            a.replace('FILE', str(file)).replace('DIR', str(here)) for a in arguments
        ]
        status = status_of(forked(partial(tool, here, told), log))
        problem = verdict(status, log.read_text(), file, proof)
        if problem:
            problems.append(f'{name}, {place}: {problem}')
    return problems


def tool(folder: Path, arguments: list[str], offline: bool = True) -> None:
    """Run a script of tools/ in a folder."""
    os.environ['ECA_MM_OFFLINE'] = str(int(offline))
    name, *sys.argv[1:] = arguments
    sys.argv[0] = str(REPO / f'tools/{name}.py')
    os.chdir(folder)
    runpy.run_path(sys.argv[0], run_name='__main__')


def verdict(status: int, said: str, file: Path, proof: Path) -> str:
    if proof.exists():
        return 'EXECUTED'
    if 'Traceback' in said or status != 2:
        return f'status {status}'
    lines = [line for line in said.splitlines() if str(file) in line]
    refusals = [line for line in lines if line.startswith('error: ')]
    return '' if len(refusals) == 1 else f'{len(refusals)} lines of refusal'
