"""Hit runs with faults, and count what survives: the whole suite, or parts of it."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import mmdet.apis  # noqa: F401  (what the runs need is imported once, before the forks)
import torch
from outcome import Outcome
from processes import progress
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.files import write_csv

# The modules beside this file, and how often each one's fault is tried.
FAULTS = {
    'kills': 100,
    'epoch_kills': 20,
    'host_kills': 100,
    'full_disk': 20,
    'damaged': 50,
    'hostile': 21,
    'downloads': 8,
    'hostile_work_dir': 24,
    'stop_signals': 30,
    'moved': 6,
    'onecycle': 10,
    'accumulation': 20,
    'lengths': 12,
    'two_runs': 6,
    'removed': 10,
    'dead_worker': 10,
    'mutated_coco': 100,
    'mutated_requests': 240,
    'dead_rank': 4,
    'campaign': 20,
    'campaign_real': 10,
}
EPILOG = """\
examples:
  make faults                                    all of it
  python tests/faults --tries 0.1                a tenth of it
  python tests/faults --only kills damaged --seed 7 --out faults.csv

Each fault is a file of tests/faults and says at its top what is done. A row that begins
with "comparison" is about mmengine's own hook: what it loses is no failure.
"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python tests/faults',
        description=__doc__ + ' Exit status: 0 nothing of ours was lost, 1 something '
        'was, 2 a wrong argument.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--tries',
        type=positive,
        default=1.0,
        metavar='FACTOR',
        help='share of the full number of tries (default: 1, all of them)',
    )
    parser.add_argument(
        '--only',
        nargs='+',
        choices=FAULTS,
        default=list(FAULTS),
        metavar='FAULT',
        help=f'these faults only: {", ".join(FAULTS)}',
    )
    parser.add_argument(
        '--jobs', type=int, default=2, help='runs side by side (default: 2)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='draws other moments and bytes (default: 0)'
    )
    parser.add_argument('--out', type=Path, metavar='CSV', help='write the table there')
    parser.add_argument(
        '--keep', type=Path, metavar='DIR', help='keep all work dirs and logs in DIR'
    )
    return parser.parse_args()


def positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return value


def results(args: argparse.Namespace, folder: Path) -> Iterator[Outcome]:
    """Run one fault after another, with a progress bar where there is a terminal."""
    tries = {name: max(1, round(FAULTS[name] * args.tries)) for name in args.only}
    bar = Progress(
        TextColumn('{task.description:<14}'), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn('left'), TimeRemainingColumn(),
        console=Console(stderr=True), auto_refresh=False,  # no thread beside the forks
    )  # fmt: skip
    with bar:
        for name, count in tries.items():
            task = bar.add_task(name, total=count)

            def advance(done: int = 1, task=task) -> None:
                bar.update(task, advance=done)
                bar.refresh()

            progress.advance = advance
            bar.refresh()
            (folder / name).mkdir()
            found = import_module(name).run(count, folder / name, args.jobs)
            bar.update(task, completed=count)
            bar.refresh()
            yield from found if isinstance(found, list) else [found]


@contextmanager
def work_folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with TemporaryDirectory(prefix='faults_') as name:
            yield Path(name)
    else:
        keep.mkdir(parents=True)
        yield keep.resolve()


def show(outcomes: list[Outcome]) -> None:
    table = Table('fault', title='What survived')
    for name in ('tries', 'survived', 'lost'):
        table.add_column(name, justify='right')
    table.add_column('note')
    for row in outcomes:
        color = 'red' if failed(row) else None
        table.add_row(
            row.fault, *map(str, (row.tries, row.survived, row.lost)), row.note,
            style=color,
        )  # fmt: skip
    width = None if sys.stdout.isatty() else 120
    Console(width=width).print(table)


def failed(row: Outcome) -> bool:
    return row.lost > 0 and not row.fault.startswith('comparison')


def main() -> int:
    args = parse_args()
    if args.keep and args.keep.exists():
        print(f'error: --keep {args.keep} is there: give a new folder', file=sys.stderr)
        return 2
    os.environ['FAULTS_SEED'] = str(args.seed)
    torch.set_num_threads(1)  # threads do not survive a fork
    with work_folder(args.keep) as folder:
        outcomes = list(results(args, folder))
    show(outcomes)
    if args.out:
        write_csv(args.out, [asdict(row) for row in outcomes])
    return int(any(map(failed, outcomes)))


if __name__ == '__main__':
    sys.exit(main())
