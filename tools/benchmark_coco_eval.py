"""Time COCO's evaluation, from files to figures, by each backend of FastCocoMetric."""

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from eca_mm.engine import RequestError, exit_status
from eca_mm.environment import commit, cpu_name
from eca_mm.evaluation.backends import (
    BACKENDS,
    PACKAGES,
    REFERENCE,
    evaluate_files,
    load_package,
)
from eca_mm.files import write_csv
from eca_mm.progress import track
from eca_mm.simulation.coco_sets import make_detections

EPILOG = """\
Makes annotations and results as of a detector on COCO val2017, writes them to files,
and has each backend read and evaluate them. The backends take turns, so that whatever
else happens strikes all of them. Exit status 1 if a figure is not pycocotools'.

examples:
  python tools/benchmark_coco_eval.py
  python tools/benchmark_coco_eval.py --images 500 --iou-type bbox segm --out times.csv
"""
SAME = 1e-12  # faster-coco-eval's precision is off by one in the last bit
SHOWN = ('iou_type', 'backend', 'version', 'seconds', 'ratio', 'difference')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--images', type=int, default=5000, help='default: %(default)s')
    parser.add_argument('--classes', type=int, default=80, help='default: %(default)s')
    parser.add_argument(
        '--iou-type',
        nargs='+',
        choices=['bbox', 'segm'],
        default=['bbox'],
        help='boxes, masks or both (default: bbox)',
    )
    parser.add_argument(
        '--rounds',
        type=int,
        default=1,
        help='how often each backend runs; the median counts (default: %(default)s)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the data')
    parser.add_argument('--out', type=Path, metavar='CSV', help='where the rows go')
    args = parser.parse_args()
    for name in ('images', 'classes', 'rounds'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} must be at least 1, not {getattr(args, name)}')
    return args


def write_set(args: argparse.Namespace, folder: Path) -> tuple[list[Path], dict]:
    """The two files, and how much is in them."""
    masks = 'segm' in args.iou_type
    truth, results = make_detections(args.images, args.classes, args.seed, masks)
    if not truth['annotations'] or not results:
        raise RequestError(f'--images {args.images}: nothing to find in so few')
    files = [folder / 'truth.json', folder / 'results.json']
    for file, content in zip(files, (truth, results), strict=True):
        file.write_text(json.dumps(content))
    objects = len(truth['annotations'])
    return files, dict(
        images=args.images,
        classes=args.classes,
        objects=objects,
        detections=len(results),
    )


def measure(files: list[Path], iou_type: str, rounds: int) -> tuple[dict, dict]:
    """Seconds of each backend's rounds, and its 12 figures."""
    seconds = {backend: [] for backend in BACKENDS}
    figures = {}
    turns = [backend for _ in range(rounds) for backend in BACKENDS]
    for backend in track(turns, f'{iou_type}, runs'):
        start = time.perf_counter()
        figures[backend] = evaluate_files(*files, iou_type, backend).stats
        seconds[backend].append(time.perf_counter() - start)
    return seconds, figures


def make_row(backend: str, seconds: dict, figures: dict) -> dict:
    """Of one backend: median seconds, and the median of the rounds' ratios."""
    rounds = zip(seconds[REFERENCE], seconds[backend], strict=True)
    return dict(
        backend=backend,
        version=version(backend),
        rounds=len(seconds[backend]),
        seconds=round(median(seconds[backend]), 3),
        ratio=round(median(theirs / ours for theirs, ours in rounds), 1),
        difference=float(np.abs(figures[backend] - figures[REFERENCE]).max()),
    )


def machine() -> dict[str, str]:
    return dict(
        device=f'{cpu_name()}, {os.cpu_count()} cores',
        python=platform.python_version(),
        numpy=np.__version__,
        commit=commit(),
    )


def print_table(rows: list[dict]) -> None:
    size = {name: rows[0][name] for name in ('images', 'objects', 'detections')}
    title = ', '.join(f'{count} {name}' for name, count in size.items())
    table = Table(
        *SHOWN, title=title, caption=f'ratio: {REFERENCE} takes so many times'
    )
    for row in rows:
        table.add_row(
            *(
                f'{row[name]:g}' if name == 'difference' else str(row[name])
                for name in SHOWN
            )
        )
    Console().print(table)


def main() -> int:
    args = parse_args()
    if args.out and not args.out.parent.is_dir():
        raise RequestError(f'--out {args.out}: no folder {args.out.parent}')
    try:
        for backend in PACKAGES:
            load_package(backend)
    except ImportError as error:
        raise RequestError(str(error)) from None
    rows = []
    with TemporaryDirectory() as folder:
        files, size = write_set(args, Path(folder))
        for iou_type in args.iou_type:
            found = measure(files, iou_type, args.rounds)
            for backend in BACKENDS:
                row = make_row(backend, *found)
                rows.append(dict(iou_type=iou_type, **row, **size, **machine()))
    print_table(rows)
    if args.out:
        write_csv(args.out, rows)
    return int(any(row['difference'] > SAME for row in rows))


if __name__ == '__main__':
    sys.exit(exit_status(main))
