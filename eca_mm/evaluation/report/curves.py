"""Training curves from the logs that mmengine keeps in a work dir."""

import json
from pathlib import Path

from matplotlib.figure import Figure

from eca_mm.files import replaced

# Plotted figures of mmdet's CocoMetric: what they are called in the plot.
SCORES = {
    'bbox_mAP': 'box AP',
    'bbox_mAP_50': 'box AP50',
    'segm_mAP': 'mask AP',
    'segm_mAP_50': 'mask AP50',
}


def read_logs(work_dir: Path) -> tuple[list[dict], list[dict]]:
    """Training rows and evaluation rows of all starts of a run, by iteration.

    A later start (a resume, or a new run in the same folder) replaces what an earlier
    one logged from that iteration on.
    """
    train: list[dict] = []
    evaluations: list[dict] = []
    # The folders are named by their start time.
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        rows = [json.loads(line) for line in log.read_text().splitlines()]
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


def draw_curves(work_dir: Path, out: Path) -> bool:
    """Draw losses and AP over the iterations; False if nothing was logged yet."""
    train, evaluations = read_logs(work_dir)
    if not train:
        return False
    figure = Figure(figsize=(11, 4), layout='constrained')
    left, right = figure.subplots(1, 2, sharex=True)
    for name in [key for key in train[0] if 'loss' in key]:
        rows = [row for row in train if name in row]
        left.plot(
            [row['iter'] for row in rows],
            [row[name] for row in rows],
            label=name,
            linewidth=2 if name == 'loss' else 1,
        )
    left.set(xlabel='iteration', ylabel='loss', xlim=(0, None), ylim=(0, None))
    for name, label in SCORES.items():
        points = [
            (row['iter'], 100 * value)
            for row in evaluations
            for key, value in row.items()
            if key.rpartition('/')[2] == name
        ]
        if points:
            right.plot(*zip(*points, strict=True), marker='o', label=label)
    right.set(xlabel='iteration', ylabel='AP (%)', ylim=(0, 100))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    with replaced(out) as path:
        figure.savefig(path, dpi=110)
    return True
