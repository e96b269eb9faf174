"""Simulate how good the report's intervals and marks are, where the truth is known."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmark_coco_eval import machine
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from eca_mm.engine import RequestError, exit_status
from eca_mm.evaluation.simulations import STUDIES, Simulator
from eca_mm.files import write_csv

EPILOG = """\
Each row is a setting, simulated --reports times. "ours" and "plain" are shares of
these: of intervals that hold the truth (coverage, two_levels), or of reports with a
mark (null, report, power), by the report's method and by the plain bootstrap over
images (the draws' quantiles, mirrored). "given" is the share with an interval at all.

examples:
  python tools/benchmark_statistics.py --reports 100 --study two_levels
  python tools/benchmark_statistics.py --out benchmarks/statistics.csv
"""
COLUMNS = (
    *('study', 'images', 'holding', 'objects', 'classes', 'seeds', 'seed_variance'),
    *('true', 'reports', 'given', 'ours', 'plain', 'seconds'),
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--study', nargs='+', choices=[*STUDIES], default=[*STUDIES],
        help='which simulations (default: all)',
    )  # fmt: skip
    parser.add_argument(
        '--reports', type=int, default=1000, help='of a setting (default: %(default)s)'
    )
    parser.add_argument(
        '--draws', type=int, default=200,
        help='of the images, of each report (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument('--seed', type=int, default=0, help='of everything')
    parser.add_argument('--out', type=Path, metavar='CSV', help='where the rows go')
    args = parser.parse_args()
    for name, least in (('reports', 1), ('draws', 2), ('seed', 0)):
        if getattr(args, name) < least:
            parser.error(f'--{name} must be at least {least}')
    return args


def rows_of(name: str, sim: Simulator) -> Iterator[dict]:
    """The rows of a study, with all columns; ``seconds`` are of one core."""
    begin = time.process_time()
    for row in STUDIES[name](sim):
        end = time.process_time()
        known = dict(study=name, seeds=1, classes=1, objects=2, seconds=end - begin)
        yield {c: (known | row).get(c) for c in COLUMNS}
        begin = end


def main() -> None:
    args = parse_args()
    if args.out and not args.out.parent.is_dir():
        raise RequestError(f'--out {args.out}: no folder {args.out.parent}')
    rows = []
    table = Table(*COLUMNS)
    for name in args.study:
        # Each study has its own luck: it is the same alone and among the others.
        rng = np.random.default_rng([args.seed, [*STUDIES].index(name)])
        for row in tqdm(rows_of(name, Simulator(args.reports, args.draws, rng)), name):
            row = {
                k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()
            }
            table.add_row(*('' if v is None else f'{v}' for v in row.values()))
            rows.append(row | machine())
            if args.out:
                write_csv(args.out, rows)
    Console().print(table)


if __name__ == '__main__':
    sys.exit(exit_status(main))
