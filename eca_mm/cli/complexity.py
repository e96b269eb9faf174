"""Count parameters and GFLOPs of configs, or of the rows of the paper's tables."""

import argparse
import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tqdm import tqdm

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.analysis import compare, complexity
from eca_mm.engine import RequestError, build_detector, read_config

UNITS = {'parameters': 1e6, 'trainable': 1e6, 'flops': 1e9}
EPILOG = """\
examples:
  python tools/complexity.py configs/faster_rcnn_r50.py configs/eca_faster_rcnn_r50.py
  python tools/complexity.py configs/eca_retinanet_r50.py --shape 1333 800 --format csv
  python tools/complexity.py --paper-table 5
"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('configs', nargs='*', help='config files')
    parser.add_argument(
        '--paper-table',
        type=int,
        choices=sorted(compare.TABLES),
        help="set each row of the paper's table beside our count; exit status 1 if a "
        'figure differs and is not a known difference',
    )
    parser.add_argument(
        '--convention',
        choices=['host', 'paper'],
        default='host',
        help="host: mmengine's counter; paper: mmcv's, with the heads of MMDetection "
        '1.x and 1000 proposals (default: %(default)s)',
    )
    parser.add_argument(
        '--shape',
        nargs=2,
        type=int,
        default=(1280, 800),
        metavar=('W', 'H'),
        help='size of the image in pixels (default: 1280 800)',
    )
    parser.add_argument(
        '--format', choices=FORMATS, default='table', help='default: %(default)s'
    )
    args = parser.parse_args()
    if bool(args.configs) == (args.paper_table is not None):
        parser.error('give config files or --paper-table')
    return args


def count_configs(args: argparse.Namespace) -> Iterable[dict]:
    """A row for each config: parameters in 10^6, GFLOPs in 10^9."""
    if min(args.shape) < 32:
        raise RequestError(f'--shape {args.shape}: each side must be at least 32')
    for path in tqdm(args.configs, unit='model', disable=len(args.configs) == 1):
        model = build_detector(read_config(path))
        if args.convention == 'paper':
            complexity.with_background_rows(model)
        found = complexity.measure(model, tuple(args.shape), args.convention)
        yield dict(
            config=path,
            **{
                f'{name} (10^{len(str(int(unit))) - 1})': getattr(found, name) / unit
                for name, unit in UNITS.items()
            },
        )


def as_text(value) -> str:
    return f'{value:.2f}' if isinstance(value, float) else str(value)


def print_table(rows: list[dict]) -> None:
    table = Table()
    for column in rows[0]:
        table.add_column(column, overflow='fold', no_wrap=column != 'verdict')
    for row in rows:
        table.add_row(*map(as_text, row.values()))
    Console().print(table)


def print_markdown(rows: list[dict]) -> None:
    print('| ' + ' | '.join(rows[0]) + ' |')
    print('|---' * len(rows[0]) + '|')
    for row in rows:
        print('| ' + ' | '.join(map(as_text, row.values())) + ' |')


def print_csv(rows: list[dict]) -> None:
    writer = csv.DictWriter(sys.stdout, rows[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


def print_json(rows: list[dict]) -> None:
    print(json.dumps(rows, indent=2))


FORMATS = {
    'table': print_table,
    'markdown': print_markdown,
    'csv': print_csv,
    'json': print_json,
}


def main() -> int:
    args = parse_args()
    if args.paper_table is None:
        rows = list(count_configs(args))
    else:
        configs = Path(__file__).resolve().parents[2] / 'configs'
        rows = list(compare.TABLES[args.paper_table](configs))
    FORMATS[args.format](rows)
    return int(any(row.get('verdict') == compare.DIFFERENT for row in rows))
