"""Count parameters and GFLOPs of configs, or of the rows of the paper's tables."""

import csv
import json
import sys
from argparse import Namespace
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from eca_mm.analysis import complexity, paper_columns
from eca_mm.engine import build_detector, read_config
from eca_mm.markdown_table import table_lines
from eca_mm.place import folder
from eca_mm.progress import track

UNITS = {'parameters': 1e6, 'trainable': 1e6, 'flops': 1e9}


def count_configs(args: Namespace) -> Iterable[dict]:
    """A row for each config: parameters in 10^6, GFLOPs in 10^9."""
    for path in track(args.configs, 'models', shown=len(args.configs) > 1):
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
    lines = (map(as_text, row.values()) for row in rows)
    print('\n'.join(table_lines([*rows[0]], lines, words=len(rows[0]))))


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


def main(args: Namespace) -> int:
    if args.paper_table is None:
        rows = list(count_configs(args))
    else:
        rows = list(paper_columns.TABLES[args.paper_table](folder() / 'configs'))
    FORMATS[args.format](rows)
    return int(any(row.get('verdict') == paper_columns.DIFFERENT for row in rows))
