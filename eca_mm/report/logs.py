"""What mmengine's logs in a work dir tell about a training."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eca_mm.files import check_size, inside

from .read_record import is_count, is_number

MOST_BYTES = 2**28  # of a log: a row of 500 bytes each of 500,000 iterations


def read_logs(
    work_dir: Path, leave_out: Callable[[str], None] = lambda line: None
) -> tuple[list[dict], list[dict]]:
    """Training rows and evaluation rows of all starts of a run, by iteration.

    A later start (a resume, or a new run in the same folder) replaces what an earlier
    one logged from that iteration on.

    Args:
        leave_out: Told of each log that is not read.
    """
    train: list[dict] = []
    evaluations: list[dict] = []
    # The folders are named by their start time.
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        try:
            rows = read_rows(inside(work_dir, log.relative_to(work_dir)))
        except (OSError, ValueError) as error:
            leave_out(str(error))
            continue
        first = next((row['iter'] for row in rows if is_training(row)), None)
        if first is None:
            continue  # an evaluation only
        train = [row for row in train if row['iter'] < first]
        evaluations = [row for row in evaluations if row['iter'] < first]
        for row in rows:
            if is_training(row):
                train.append(row)
            elif train:
                # mmengine counts evaluations in epochs or iterations: place each after
                # the training row that precedes it.
                evaluations.append(dict(row, iter=train[-1]['iter']))
    return train, evaluations


def is_training(row: dict) -> bool:
    return 'loss' in row and is_count(row.get('iter'))


def read_rows(log: Path) -> list[dict]:
    """The numbers in the rows of one log; a killed run may leave half a last line.

    Raises:
        OSError: It is no file that can be read.
        ValueError: It is too large.
    """
    check_size(log, MOST_BYTES)
    rows = []
    with log.open(encoding='utf-8', errors='replace') as file:
        for line in file:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                break
            if isinstance(row, dict):
                rows.append({k: v for k, v in row.items() if is_number(v)})
    return rows


def training_cost(train: list[dict]) -> dict[str, float]:
    """Seconds an iteration (median), hours in all, GiB of GPU memory at most.

    Only what was logged: on a CPU mmengine writes no memory.
    """
    timed = [row for row in train if 'time' in row]
    if not timed:
        return {}
    # A row holds the mean time of the iterations since the row before it.
    iterations = np.diff([0, *(row['iter'] for row in timed)])
    seconds = np.array([row['time'] for row in timed])
    cost = dict(
        iteration=float(np.median(seconds)),
        hours=float(iterations @ seconds) / 3600,
    )
    memory = [row['memory'] for row in train if 'memory' in row]
    return cost | (dict(memory=max(memory) / 1024) if memory else {})
