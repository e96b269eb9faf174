"""Train a small Faster R-CNN with each attention block and several seeds, and compare.

A campaign of tools/compare.py on digits composed for it: what is done is kept, and the
same command again completes a study that was stopped. All statistics are the report's;
here they become a table and a picture.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

from matplotlib.figure import Figure
from mmdet.registry import MODELS
from mmengine.config import Config

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.analysis.complexity import measure
from eca_mm.campaign import notes
from eca_mm.campaign.drive import run_campaign
from eca_mm.campaign.executors import Where
from eca_mm.campaign.outcome import report_runs
from eca_mm.campaign.plan import Plan, Run
from eca_mm.campaign.rows import Row
from eca_mm.campaign.run_commands import Tools
from eca_mm.campaign.show import Screen
from eca_mm.engine import RequestError, exit_status
from eca_mm.files import write_csv
from eca_mm.markdown_table import table_lines
from eca_mm.report.words import p_value

REPO = Path(__file__).resolve().parents[2]
CONFIGS = REPO / 'projects/digits/configs'
BASELINE = 'none'
METHODS = {
    BASELINE: 'faster_rcnn_r18_64',
    'SE': 'se_faster_rcnn_r18_64',
    'NL': 'nl_faster_rcnn_r18_64',
    'GC': 'gc_faster_rcnn_r18_64',
    'ECA': 'eca_faster_rcnn_r18_64',
}
DATA = dict(out='data/digits_study', size=64, train=4000, val=1000)
FIGURES = ('AP', 'AP50', 'AP75')
# Columns of the report's scores_bbox.csv; all others are fractions.
TEXTS = ('figure', 'run', 'mark')
PLAIN = ('images', 'seeds', 'difference_p', 'p_adjusted', 'training_share')
HEAD = ['attention', 'params (10^6)', 'GFLOPs', 'box AP', f'− {BASELINE}', 'p', 'mark']


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='example: python projects/digits/study.py --seeds 8 --jobs 2',
    )
    parser.add_argument(
        '--seeds', type=int, default=8, metavar='N', help='runs a method (default: 8)'
    )
    parser.add_argument(
        '--methods', nargs='+', choices=METHODS, default=list(METHODS), metavar='NAME',
        help=f'of {", ".join(METHODS)}; the first is what the others are compared '
        'with (default: all)',
    )  # fmt: skip
    parser.add_argument(
        '--out', type=Path, default='work_dirs/digits_study', metavar='DIR',
        help='runs, report, study.csv, study.md and study.png (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--jobs', type=int, default=2, metavar='N',
        help='runs at a time, which share the cores (default: 2)',
    )  # fmt: skip
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='override settings of all configs, as in tools/train.py; without any the '
        f'data are built where they are not yet, in {DATA["out"]}',
    )  # fmt: skip
    args = parser.parse_args()
    for name, least in (('seeds', 2), ('jobs', 1)):
        if getattr(args, name) < least:
            raise RequestError(f'--{name} {getattr(args, name)}: give {least} or more')
    return args


def build_data() -> None:
    """Compose the study's images, unless they are there."""
    words = [f'--{name}={value}' for name, value in DATA.items()]
    command = [sys.executable, REPO / 'projects/digits/build.py', *words]
    if subprocess.run(command, cwd=REPO).returncode:
        raise RequestError('the data could not be built: see above')


def plan_of(args: argparse.Namespace) -> Plan:
    """A campaign, as tools/compare.py runs it, whose rows are the methods."""
    rows = [Row(method, CONFIGS / f'{METHODS[method]}.py') for method in args.methods]
    return Plan(args.out.absolute(), rows, list(range(args.seeds)), args.cfg_options)


def read_run(run: Run) -> dict:
    """A row of study.csv: figures as fractions; times are of training and test."""
    results = json.loads((run.folder / 'results.json').read_text())
    job = notes.of_job(run)
    return dict(
        method=run.row,
        seed=run.seed,
        **{figure: results['coco']['bbox'][figure] for figure in FIGURES},
        seconds=job.get('seconds'),
        cpu_seconds=job.get('cpu_seconds'),
        device=results['device'],
        **{name: results['versions'].get(name) for name in ('torch', 'mmdet', 'mmcv')},
        commit=results['commit'],
    )


def read_scores(report: Path) -> list[dict]:
    """Of each method what the report says of its AP, in percent."""
    with (report / 'report_data/scores_bbox.csv').open(newline='') as file:
        rows = [row for row in csv.DictReader(file) if row['figure'] == 'AP']
    return [{name: as_told(name, text) for name, text in row.items()} for row in rows]


def as_told(name: str, text: str) -> str | float | None:
    if name in TEXTS:
        return text
    return float(text) * (1 if name in PLAIN else 100) if text else None


def complexity_of(method: str) -> dict:
    """Parameters in 10^6, and GFLOPs at 64x64 by mmcv's counter."""
    cfg = Config.fromfile(CONFIGS / f'{METHODS[method]}.py').model
    found = measure(MODELS.build(cfg), (64, 64), 'paper')
    return dict(params=found.parameters / 1e6, gflops=found.flops / 1e9)


def as_cells(row: dict) -> list[str]:
    cells = [row['run'], f'{row["params"]:.3f}', f'{row["gflops"]:.4f}']
    cells.append(f'{row["value"]:.1f} ({row["low"]:.1f} to {row["high"]:.1f})')
    if row['difference_value'] is None:
        return [*cells, '', '', '']
    value, low, high = (row[f'difference_{k}'] for k in ('value', 'low', 'high'))
    difference = f'{value:+.1f} ({low:+.1f} to {high:+.1f})'
    return [*cells, difference, p_value(row['p_adjusted']), row['mark']]


def write_study(folder: Path, runs: list[dict], rows: list[dict]) -> str:
    """Write study.csv with a row a run, study.md with the table, study.png."""
    write_csv(folder / 'study.csv', runs)
    text = '\n'.join(table_lines(HEAD, map(as_cells, rows), words=len(HEAD))) + '\n'
    (folder / 'study.md').write_text(text)
    draw(runs, rows).savefig(folder / 'study.png', dpi=110)
    return text


def draw(runs: list[dict], rows: list[dict]) -> Figure:
    """AP of each method and run, and the differences, with the report's intervals."""
    figure = Figure(figsize=(9, 3.2), layout='constrained')
    scores, differences = figure.subplots(1, 2)
    for place, row in enumerate(rows):
        ap = [100 * run['AP'] for run in runs if run['method'] == row['run']]
        scores.scatter([place] * len(ap), ap, s=14, alpha=0.5, zorder=2)
        bar(scores, place, row['value'], row['low'], row['high'], filled=True)
        if row['difference_value'] is not None:
            ends = (row[f'difference_{k}'] for k in ('value', 'low', 'high'))
            bar(differences, place, *ends, filled=bool(row['mark']))
    seeds = int(rows[0]['seeds'])
    scores.set_title(f'box AP (%), mean of {seeds} seeds')
    differences.set_title(f'difference to {rows[0]["run"]} (points)')
    differences.axhline(0, color='gray', linewidth=1)
    for axes, first in ((scores, 0), (differences, 1)):
        axes.set_xticks(range(first, len(rows)), [row['run'] for row in rows[first:]])
        axes.set_xlim(first - 0.5, len(rows) - 0.5)
        axes.grid(axis='y', alpha=0.3)
    figure.supxlabel(
        'dots: single runs; bars: 95 % intervals over images and seeds; filled '
        'difference: marked by the report',
        fontsize=8,
    )
    return figure


def bar(axes, place: float, value: float, low: float, high: float, filled: bool):
    axes.errorbar(
        place, value, [[value - low], [high - value]], fmt='o', color='black',
        markersize=5, markerfacecolor='black' if filled else 'white', capsize=4,
    )  # fmt: skip


def main() -> int:
    args = parse_args()
    if not args.cfg_options:
        build_data()
    plan = plan_of(args)
    # The configs' data lie in the repository, wherever this is called.
    tools = Tools(REPO / 'tools', cwd=REPO)
    with Screen() as screen:
        if run_campaign(plan, Where(jobs=args.jobs), tools, screen.show):
            return 1
    page = report_runs(plan.folder, plan.runs())
    runs = [read_run(run) for run in plan.runs()]
    rows = [row | complexity_of(row['run']) for row in read_scores(page.parent)]
    print(write_study(plan.folder, runs, rows))
    print(f'{page}, and in {plan.folder}: study.md, study.csv, study.png')
    return 0


if __name__ == '__main__':
    sys.exit(exit_status(main))
