"""Train the small Mask R-CNN with each attention block and several seeds, and compare.

A campaign of tools/compare.py, with a table and a picture over the seeds: what is done
is kept, and the same command again completes a study that was stopped.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from mmdet.registry import MODELS
from mmengine.config import Config
from rich.console import Console
from rich.table import Table
from scipy import stats

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.analysis.complexity import measure
from eca_mm.campaign.commands import Tools
from eca_mm.campaign.drive import run_campaign
from eca_mm.campaign.executors import Where
from eca_mm.campaign.plan import Plan, Run
from eca_mm.campaign.rows import Row
from eca_mm.campaign.show import Screen
from eca_mm.engine import RequestError, exit_status
from eca_mm.evaluation.report.logs import read_logs
from eca_mm.files import write_csv

REPO = Path(__file__).resolve().parents[2]
METHODS = {
    'none': 'mask_rcnn_r18',
    'SE': 'se_mask_rcnn_r18',
    'NL': 'nl_mask_rcnn_r18',
    'GC': 'gc_mask_rcnn_r18',
    'ECA': 'eca_mask_rcnn_r18',
}
KINDS = ('bbox', 'segm')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example: python projects/digits/study.py --seeds 3',
    )
    parser.add_argument(
        '--seeds', type=int, default=3, metavar='N', help='runs a method (default: 3)'
    )
    parser.add_argument(
        '--methods', nargs='+', choices=METHODS, default=list(METHODS), metavar='NAME',
        help=f'of {", ".join(METHODS)} (default: all)',
    )  # fmt: skip
    parser.add_argument(
        '--out', type=Path, default='work_dirs/digits_study', metavar='DIR',
        help='runs, study.csv, study.md and study.png (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--jobs', type=int, default=1, metavar='N',
        help='runs at a time, which share the cores (default: 1)',
    )  # fmt: skip
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='override settings of all configs, as in tools/train.py',
    )  # fmt: skip
    args = parser.parse_args()
    if args.seeds < 2:
        raise RequestError(f'--seeds {args.seeds}: an interval needs at least 2')
    if args.jobs < 1:
        raise RequestError(f'--jobs {args.jobs}: give a number from 1')
    return args


def plan_of(args: argparse.Namespace) -> Plan:
    """A campaign, as tools/compare.py runs it, whose rows are the methods."""
    rows = [Row(method, Path(config_of(method))) for method in args.methods]
    return Plan(args.out.absolute(), rows, list(range(args.seeds)), args.cfg_options)


def config_of(method: str) -> str:
    return str(REPO / f'projects/digits/configs/{METHODS[method]}.py')


def read_run(run: Run) -> dict:
    """A row of study.csv: AP as fractions, seconds as the median of an iteration."""
    results = json.loads((run.folder / 'results.json').read_text())
    train_rows, _ = read_logs(run.folder)
    return dict(
        method=run.row,
        seed=run.seed,
        **{f'{kind}_AP': results['coco'][kind]['AP'] for kind in KINDS},
        seconds=round(float(np.median([row['time'] for row in train_rows])), 3),
        device=results['device'],
        torch=results['versions']['torch'],
        commit=results['commit'],
    )


def complexity_of(method: str) -> dict:
    """Parameters in 10^6, and GFLOPs at 128x128 by mmcv's counter."""
    cfg = Config.fromfile(config_of(method)).model
    found = measure(MODELS.build(cfg), (128, 128), 'paper')
    return dict(params=found.parameters / 1e6, gflops=found.flops / 1e9)


def summarise(runs: list[dict], methods: list[str]) -> list[dict]:
    """Mean and 95% interval (Student's t) over the seeds, and Welch's test to none."""
    rows = []
    for method in methods:
        row = dict(method=method, **complexity_of(method))
        for kind in KINDS:
            values, plain = (
                100 * np.array([r[f'{kind}_AP'] for r in runs if r['method'] == name])
                for name in (method, 'none')
            )
            half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
            row |= {kind: values.mean(), f'{kind} ±': half}
            if method != 'none' and len(plain):
                p = stats.ttest_ind(values, plain, equal_var=False).pvalue
                row[f'{kind} p'] = p
        seconds = [r['seconds'] for r in runs if r['method'] == method]
        rows.append(row | dict(seconds=np.median(seconds)))
    return rows


def as_cells(row: dict) -> list[str]:
    cells = [row['method'], f'{row["params"]:.3f}', f'{row["gflops"]:.3f}']
    for kind in KINDS:
        p = row.get(f'{kind} p')
        cells += [f'{row[kind]:.1f} ± {row[f"{kind} ±"]:.1f}', f'{p:.2f}' if p else '']
    return [*cells, f'{row["seconds"]:.2f}']


HEAD = ['attention', 'params (10^6)', 'GFLOPs', 'box AP', 'p', 'mask AP', 'p', 's/iter']


def write_study(folder: Path, runs: list[dict], rows: list[dict]) -> None:
    """study.csv with a row a run, study.md with the table, study.png."""
    write_csv(folder / 'study.csv', runs)
    lines = [HEAD, ['---'] * len(HEAD), *map(as_cells, rows)]
    text = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    (folder / 'study.md').write_text(text + '\n')

    figure = Figure(figsize=(9, 3.5), layout='constrained')
    for axes, kind in zip(figure.subplots(1, 2), KINDS, strict=True):
        for x, row in enumerate(rows):
            values = [r for r in runs if r['method'] == row['method']]
            axes.errorbar(
                x, row[kind], row[f'{kind} ±'], fmt='_', color='black', capsize=4
            )
            axes.scatter([x] * len(values), [100 * r[f'{kind}_AP'] for r in values])
        axes.set_xticks(range(len(rows)), [row['method'] for row in rows])
        axes.set_ylabel(f'{dict(bbox="box", segm="mask")[kind]} AP (%)')
        axes.grid(axis='y', alpha=0.3)
    figure.savefig(folder / 'study.png', dpi=110)


def main() -> int:
    args = parse_args()
    plan = plan_of(args)
    # The configs' data lie in the repository, wherever this is called.
    tools = Tools(REPO / 'tools', cwd=REPO)
    with Screen() as screen:
        if run_campaign(plan, Where(jobs=args.jobs), tools, screen.show):
            return 1
    runs = [read_run(run) for method in args.methods for run in plan.runs()
            if run.row == method]  # fmt: skip
    rows = summarise(runs, args.methods)
    write_study(plan.folder, runs, rows)
    table = Table(*HEAD, title='mean and 95% interval over the seeds; p against none')
    for row in rows:
        table.add_row(*as_cells(row))
    Console().print(table)
    print(f'{plan.folder / "study.md"}, study.csv, study.png')
    return 0


if __name__ == '__main__':
    sys.exit(exit_status(main))
