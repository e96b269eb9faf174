"""Simulate how good the report's intervals and marks are, where the truth is known."""

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmark_coco_eval import machine
from rich.console import Console
from rich.table import Table

from eca_mm.engine import RequestError, exit_status
from eca_mm.evaluation.bootstrap import bootstrap
from eca_mm.files import write_csv
from eca_mm.progress import track
from eca_mm.simulation.experiments import STUDIES, Simulator
from eca_mm.simulation.seeded_runs import World, simulate

EPILOG = """\
Each row is a setting, simulated --reports times. "ours" and "plain" are shares of
these: of intervals that hold the truth (coverage, two_levels), or of reports with a
mark (null, report, power), by the report's method and by the plain bootstrap over
images (the draws' quantiles, mirrored). "given" is the share with an interval at all.
"size" is no simulation but one bootstrap of COCO val's size: its seconds and memory.

examples:
  python tools/benchmark_statistics.py --reports 100 --study two_levels
  python tools/benchmark_statistics.py --study size
  python tools/benchmark_statistics.py --out benchmarks/statistics.csv
"""
COLUMNS = (
    *('study', 'images', 'holding', 'objects', 'classes', 'seeds', 'seed_variance'),
    *('true', 'reports', 'given', 'ours', 'plain', 'seconds', 'wall', 'peak_mib'),
)


def size(sim: Simulator, images: int = 5000, draws: int = 1000) -> Iterator[dict]:
    """1,000 draws of COCO val2017's images for 3 seeds a side, 100 detections each.

    Images 5,000, classes 80, of which an image holds 2.9 with 2.5 objects each.
    """
    rarity = np.arange(1, 81) ** -0.7
    world = World(images, 80, 2.5, 2.9 * rarity / rarity.sum(), background=93)
    runs = simulate(world, [[0.5] * 3, [0.6] * 3], sim.rng)
    begin, used = time.perf_counter(), time.process_time()
    sampled = bootstrap(dict(zip('ab', runs, strict=True)), draws)
    sampled.difference('b', 'a', 'AP')
    yield dict(
        images=images, classes=80, seeds=3, objects=2.5, reports=1,
        wall=time.perf_counter() - begin, seconds=time.process_time() - used,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )  # fmt: skip


ALL = STUDIES | dict(size=size)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--study', nargs='+', choices=[*ALL], default=[*ALL],
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
    for row in ALL[name](sim):
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
        rng = np.random.default_rng([args.seed, [*ALL].index(name)])
        for row in track(rows_of(name, Simulator(args.reports, args.draws, rng)), name):
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
