"""What the trainings cost, and how they went."""

import numpy as np

from .charts import colour, panel
from .content import Cell, Figure, Section, Table
from .logs import training_cost
from .material import Material
from .paper_rows import standings
from .runs import Run
from .words import ABSENT

# Plotted figures of mmdet's CocoMetric: what they are called in the plot.
SCORES = {'bbox_mAP': 'box AP (%)', 'segm_mAP': 'mask AP (%)'}
MOST_TERMS = 40  # of the loss that are drawn: DINO has 39
COUNTED_WHOLE = ('NL', 'GC')
COSTS = {
    'parameters': ('parameters (10⁶)', '.2f'),
    'trainable': ('trainable (10⁶)', '.2f'),
    'gflops': ('GFLOPs', '.2f'),
    'iteration': ('s/iteration', '.2f'),
    'hours': ('hours', '.2f'),
    'memory': ('memory (GiB)', '.1f'),
}


def training_section(material: Material) -> Section | None:
    """None where nothing is known but result files."""
    known = [run for run in material.runs if run.work_dir]
    if not known:
        return None
    figure = curve_figure(material)
    first = {group.runs[0].name for group in material.groups}
    papers = {
        one.run.name: one.paper_row('bbox')
        for one in standings(material)
        if one.run.name in first
    }
    blocks = [cost_table(known, papers), *([figure] if figure.panels else [])]
    return Section('training', 'Cost and training', blocks)


def cost_table(runs: list[Run], papers: dict[str, dict | None]) -> Table:
    """What each run cost, and below the first of a group the paper's row, if any."""
    rows, data, sizes = [], [], []
    for run in runs:
        found = dict(run.record.get('complexity', {}))
        sizes += [tuple(found.pop('size'))] if 'size' in found else []
        costs = found | training_cost(run.logs[0])
        data.append(dict(run=run.name) | {key: costs.get(key) for key in COSTS})
        rows.append([Cell(run.name), *cost_cells(costs), Cell(device_of(run))])
        if paper := papers.get(run.name):
            # Two of its rows count all parameters, the others the trainable ones.
            counted = 'parameters' if paper['method'] in COUNTED_WHOLE else 'trainable'
            costs = {counted: paper['params'], 'gflops': paper['gflops']}
            rows.append(
                [Cell('the paper', note=run.name), *cost_cells(costs), Cell(ABSENT)]
            )
    at = ' and '.join(f'{w}x{h}' for w, h in sorted(set(sizes)))
    return Table(
        'cost',
        'Cost',
        f"GFLOPs {'at ' + at if at else 'not counted'}, by mmcv's counter (one "
        'multiply-add is 1); times and GPU memory are those logged in training, on the '
        'device of the last column.',
        ['run', *(title for title, _ in COSTS.values()), 'device'],
        rows,
        data,
    )


def cost_cells(costs: dict[str, float]) -> list[Cell]:
    return [
        Cell(f'{costs[key]:{form}}', costs[key]) if key in costs else Cell(ABSENT, -1)
        for key, (_, form) in COSTS.items()
    ]


def device_of(run: Run) -> str:
    return run.record.get('device', ABSENT)


def curve_figure(material: Material) -> Figure:
    """A panel for each AP and each term of the loss, all runs over one axis."""
    panels: list[str] = []
    data = []
    for term, title in titles(material).items():
        lines = {run.name: points(run, term) for run in material.runs}
        form = dict(marker='o', markersize=4) if term in SCORES else {}
        limits = dict(xlim=(0, None), ylim=(0, None) if term in SCORES else None)
        with panel(panels, title, xlabel='iteration', **limits) as axes:
            for name, line in lines.items():
                shade = colour(material.places[name])
                axes.plot(*np.array(line).reshape(-1, 2).T, color=shade, **form)
        data += [
            dict(run=name, figure=term, iteration=x, value=y)
            for name, line in lines.items()
            for x, y in line
        ]
    return Figure(
        'training',
        'Training curves',
        'AP at each evaluation and the terms of the loss, all runs over the same '
        'iterations: compare how fast they fall and whether they still change at the '
        'end.',
        panels,
        data,
        material.names,
    )


def titles(material: Material) -> dict[str, str]:
    """What was logged and is drawn: its key in the logs, and its title."""
    rows = [row for run in material.runs for part in run.logs for row in part]
    keys = dict.fromkeys(key.rpartition('/')[2] for row in rows for key in row)
    scores = {key: title for key, title in SCORES.items() if key in keys}
    losses = sorted(key for key in keys if 'loss' in key)
    return scores | {key: key for key in losses[:MOST_TERMS]}


def points(run: Run, term: str) -> list[tuple[int, float]]:
    """Iteration and value of a term, AP in percent."""
    scale = 100 if term in SCORES else 1
    return [
        (row['iter'], scale * value)
        for part in run.logs
        for row in part
        for key, value in row.items()
        if key.rpartition('/')[2] == term
    ]
