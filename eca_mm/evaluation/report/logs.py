"""What mmengine's logs in a work dir tell about a training."""

import json
from pathlib import Path

import numpy as np


def read_logs(work_dir: Path) -> tuple[list[dict], list[dict]]:
    """Training rows and evaluation rows of all starts of a run, by iteration.

    A later start (a resume, or a new run in the same folder) replaces what an earlier
    one logged from that iteration on.
    """
    train: list[dict] = []
    evaluations: list[dict] = []
    # The folders are named by their start time.
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        rows = read_rows(log)
        first = next((row['iter'] for row in rows if 'loss' in row), None)
        if first is None:
            continue  # an evaluation only
        train = [row for row in train if row['iter'] < first]
        evaluations = [row for row in evaluations if row['iter'] < first]
        for row in rows:
            if 'loss' in row:
                train.append(row)
            elif train:
                # mmengine counts evaluations in epochs or iterations: place each after
                # the training row that precedes it.
                evaluations.append(dict(row, iter=train[-1]['iter']))
    return train, evaluations


def read_rows(log: Path) -> list[dict]:
    """The rows of one log; a run that was stopped may leave half a last line."""
    rows = []
    for line in log.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
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
