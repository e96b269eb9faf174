"""Train the small Mask R-CNN with each attention block and several seeds, and compare.

What is finished is kept, and a run that was stopped goes on where it was: the same
command again completes the study.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from mmdet.registry import MODELS
from mmengine.config import Config
from rich.console import Console
from rich.table import Table
from scipy import stats
from tqdm import tqdm

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.analysis.complexity import measure
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


def run(method: str, seed: int, args: argparse.Namespace) -> dict:
    """Train, unless that is done, and return the row of study.csv."""
    folder = args.out.absolute() / method / f'seed_{seed}'
    if not (folder / 'finished').exists():
        folder.mkdir(parents=True, exist_ok=True)
        train(method, seed, folder, args)
        (folder / 'finished').touch()
    return read_run(method, seed, folder)


def train(method: str, seed: int, folder: Path, args: argparse.Namespace) -> None:
    """Train one run to its end; the output goes to train.log in its folder."""
    command = [
        sys.executable, str(REPO / 'tools/train.py'), config_of(method),
        '--work-dir', str(folder), '--resume',
        '--cfg-options', f'randomness.seed={seed}', *args.cfg_options,
    ]  # fmt: skip
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    # Idle threads must not spin: they would take the cores from the other runs.
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), GOMP_SPINCOUNT='3000')
    with open(folder / 'train.log', 'a') as log:
        done = subprocess.run(command, cwd=REPO, env=env, stdout=log, stderr=log)
    if done.returncode:
        raise RuntimeError(f'{method}, seed {seed}: see {folder / "train.log"}')


def config_of(method: str) -> str:
    return str(REPO / f'projects/digits/configs/{METHODS[method]}.py')


def read_run(method: str, seed: int, folder: Path) -> dict:
    """A row of study.csv: AP as fractions, seconds as the median of an iteration."""
    results = json.loads((folder / 'results.json').read_text())
    train_rows, _ = read_logs(folder)
    return dict(
        method=method,
        seed=seed,
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


def main() -> None:
    args = parse_args()
    folder = args.out.absolute()
    # Seed by seed, so that a study that is stopped early still compares all methods.
    wanted = [(m, seed) for seed in range(args.seeds) for m in args.methods]
    runs = []
    with ThreadPoolExecutor(args.jobs) as pool:
        futures = [pool.submit(run, *which, args) for which in wanted]
        for future in tqdm(as_completed(futures), total=len(futures), unit='run'):
            runs.append(future.result())
            row = runs[-1]
            aps = ', '.join(f'{kind} AP {row[f"{kind}_AP"]:.3f}' for kind in KINDS)
            tqdm.write(f'{row["method"]}, seed {row["seed"]}: {aps}')
    runs.sort(key=lambda row: wanted.index((row['method'], row['seed'])))
    rows = summarise(runs, args.methods)
    write_study(folder, runs, rows)
    table = Table(*HEAD, title='mean and 95% interval over the seeds; p against none')
    for row in rows:
        table.add_row(*as_cells(row))
    Console().print(table)
    print(f'{folder / "study.md"}, study.csv, study.png')


if __name__ == '__main__':
    sys.exit(exit_status(main))
