"""Epochs that are shorter or longer after a kill than before: no image is left out."""

import os
import signal
from pathlib import Path
from random import Random

import torch
from chain import Whole, whole_run
from mmengine.hooks import Hook
from outcome import Outcome
from processes import status_of
from single import Run, moment, tried
from small_run import Noisy
from subject import EPOCHS, newest_checkpoint, quiet

SIZES = (4, 2, 6, 1)  # of batches, after 3: 3, 6, 2 and 12 an epoch, after 4


class Numbered(Noisy):
    """Sample i is a hundredth of its number."""

    def __getitem__(self, index: int) -> dict:
        return dict(inputs=torch.full((8,), index / 100))


class Record(Hook):
    """Writes the epoch and the numbers of the samples of each iteration."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        numbers = [round(100 * float(sample[0])) for sample in data_batch['inputs']]
        with self.path.open('a') as file:
            print(runner.epoch, *numbers, file=file)


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """It survives if each epoch had all images and the change was said."""
    whole = whole_run(folder / 'whole', of_run=dict(data=Numbered()))
    note = (
        f'batches of 3, then of {", ".join(map(str, SIZES))}; all images in each epoch'
    )
    return tried('shrunk and grown epochs', one_try, tries, folder, jobs, whole, note)


def one_try(folder: Path, whole: Whole, chance: Random) -> str:
    work_dir, record = folder / 'run', folder / 'record'
    first = begin(work_dir, folder / 'first.log', record, 3)
    moment(first, whole, chance)
    os.kill(first.pid, signal.SIGKILL)
    status_of(first.pid)
    with quiet():
        has_begun = newest_checkpoint(work_dir) is not None
    size = SIZES[int(folder.name) % len(SIZES)]
    second = begin(work_dir, folder / 'second.log', record, size)
    status = second.status
    if status:
        return f'status {status}: {second.last_line()}'
    words = f'warning: resumed with another batch size (3 -> {size})'
    if has_begun and words not in second.log.read_text():
        return 'nothing was said'
    return incomplete(record)


def begin(work_dir: Path, log: Path, record: Path, size: int) -> Run:
    settings = dict(data=Numbered(), batch_size=size)
    return Run(work_dir, log, hooks=[Record(record)], of_run=settings)


def incomplete(record: Path) -> str:
    """The epochs that were trained without some image, if any."""
    seen: dict[int, set[int]] = {epoch: set() for epoch in range(EPOCHS)}
    for line in record.read_text().splitlines():
        epoch, *numbers = map(int, line.split())
        seen[epoch].update(numbers)
    wrong = [epoch + 1 for epoch, images in seen.items() if images != set(range(12))]
    return f'images left out in epochs {wrong}' if wrong else ''
