"""Measure what attention costs a ResNet on the CPU: time, and memory for backward.

Backbones take turns, and every time is set beside the plain one's of the same round.
"""

import argparse
import platform
import subprocess
import sys
from functools import partial
from pathlib import Path

import mmdet
import numpy as np
import torch
from mmdet.registry import MODELS
from rich.console import Console
from rich.table import Table
from torch import nn

import eca_mm
from eca_mm.analysis import cost
from eca_mm.engine import RequestError, exit_status
from eca_mm.files import write_csv

EPILOG = """\
examples:
  python tools/benchmark.py
  python tools/benchmark.py --providers ours "ours, SE" --rounds 30 --out cost.csv

"saved" is what a forward pass keeps for the backward pass, parameters aside. Times mean
something on an idle machine only; ratios bear other work better.
"""
STEPS = {'inference': cost.inference, 'training step': cost.training_step}
BASELINE = 'plain'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--providers',
        nargs='+',
        choices=cost.PROVIDERS,
        default=list(cost.PROVIDERS),
        metavar='NAME',
        help=f'of {", ".join(cost.PROVIDERS)} (default: all); plain is always measured',
    )
    parser.add_argument('--depth', type=int, choices=(50, 101, 152), default=50)
    parser.add_argument(
        '--shape',
        nargs=2,
        type=int,
        default=(640, 480),
        metavar=('W', 'H'),
        help='size of the images in pixels (default: 640 480)',
    )
    parser.add_argument('--batch', type=int, default=1, help='images (default: 1)')
    parser.add_argument(
        '--frozen-stages',
        type=int,
        default=1,
        help="of the training step, -1 for none (default: 1, MMDetection's)",
    )
    parser.add_argument('--rounds', type=int, default=15, help='default: 15')
    parser.add_argument('--out', type=Path, metavar='F.csv', help='write all figures')
    return parser.parse_args()


def build(name: str, args: argparse.Namespace) -> nn.Module:
    """A backbone with random weights in training mode, its norms in eval mode."""
    model = MODELS.build(
        dict(cost.PROVIDERS[name], depth=args.depth, frozen_stages=args.frozen_stages)
    )
    model.train()
    return model


def measure(args: argparse.Namespace) -> list[dict]:
    """A row for each backbone and measure, with ratios to the plain backbone."""
    names = list(dict.fromkeys([BASELINE, *args.providers]))
    models = {name: build(name, args) for name in names}
    width, height = args.shape
    image = torch.randn(args.batch, 3, height, width)
    saved = {name: cost.saved_bytes(m, image) / 2**20 for name, m in models.items()}
    rows = [
        row(name, 'saved', 'MiB', value, cost.Ratio(*[value / saved[BASELINE]] * 3))
        for name, value in saved.items()
    ]
    for step, function in STEPS.items():
        runs = {name: partial(function, m, image) for name, m in models.items()}
        times = cost.interleaved_times(runs, args.rounds)
        for name, values in times.items():
            ratio = cost.Ratio.paired(values, times[BASELINE])
            rows.append(row(name, step, 'ms', float(np.median(values)), ratio))
    return rows


def row(name: str, measure: str, unit: str, value: float, ratio: cost.Ratio) -> dict:
    return dict(
        backbone=name,
        measure=measure,
        unit=unit,
        value=round(value, 3),
        ratio=round(ratio.median, 4),
        lower_quartile=round(ratio.lower, 4),
        upper_quartile=round(ratio.upper, 4),
    )


def circumstances(args: argparse.Namespace) -> dict:
    """What the figures depend on, for every row of the CSV."""
    root = Path(__file__).resolve().parents[1]
    describe = ['git', '-C', str(root), 'describe', '--always', '--dirty']
    commit = subprocess.run(describe, capture_output=True, text=True)
    return dict(
        depth=args.depth,
        batch=args.batch,
        width=args.shape[0],
        height=args.shape[1],
        frozen_stages=args.frozen_stages,
        rounds=args.rounds,
        device=f'{platform.machine()} CPU, {torch.get_num_threads()} threads',
        torch=torch.__version__,
        mmdet=mmdet.__version__,
        eca_mm=eca_mm.__version__,
        commit=commit.stdout.strip() or 'unknown',
    )


def print_table(rows: list[dict]) -> None:
    table = Table('backbone', 'measure', 'value', 'ratio to plain', 'quartiles')
    for found in rows:
        table.add_row(
            found['backbone'],
            found['measure'],
            f'{found["value"]:.1f} {found["unit"]}',
            f'{found["ratio"]:.3f}',
            f'{found["lower_quartile"]:.3f} to {found["upper_quartile"]:.3f}',
        )
    Console().print(table)


def check(args: argparse.Namespace) -> None:
    if min(args.shape) < 32:
        raise RequestError(f'--shape {args.shape}: each side must be at least 32')
    for name in ('batch', 'rounds'):
        if getattr(args, name) < 1:
            raise RequestError(f'--{name} {getattr(args, name)}: must be at least 1')
    if not -1 <= args.frozen_stages <= 4:
        raise RequestError(f'--frozen-stages {args.frozen_stages}: must be -1 to 4')
    if args.out and not args.out.parent.is_dir():
        raise RequestError(f'--out {args.out}: there is no folder {args.out.parent}')


def main() -> None:
    args = parse_args()
    check(args)
    rows = measure(args)
    print_table(rows)
    if args.out:
        write_csv(args.out, [found | circumstances(args) for found in rows])


if __name__ == '__main__':
    sys.exit(exit_status(main))
