"""The tables of docs/reproduction.md: python -m eca_mm.paper.reproduction PAGE...

The words of a page stand in the page. A table stands between two comments, ``<!-- NAME:
made by ... -->`` and ``<!-- end -->``, and is written anew from the yaml files.
"""

import re
import sys
from fractions import Fraction
from math import isclose
from pathlib import Path

from eca_mm.markdown_table import table_lines

from .configs_readme import number as figure
from .gpu_hours import gpu_hours
from .protocol import COPIED, DONE, Setting, all_settings, table, zoo_scores
from .settings import IMAGES
from .tables import DETECTORS, config_name, load_table

LABELS = {in_names: name for name, in_names in DETECTORS.items()}
MADE = re.compile(r'(<!-- (\w+): made by .*? -->\n).*?(<!-- end -->)', re.DOTALL)
EPOCHS = 12


def value_text(value: object) -> str:
    """A value as a cell has it; thirds and ninths as fractions."""
    if isinstance(value, dict):
        given = dict.fromkeys(value.values())
        return '; '.join(
            f'{value_text(v)} ({", ".join(LABELS[k] for k in value if value[k] == v)})'
            for v in given
        )
    if value is None:
        return 'none'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, list):
        return ', '.join(map(value_text, value))
    if isinstance(value, float):
        fraction = Fraction(value).limit_denominator(9)
        if fraction.denominator in (3, 9) and isclose(fraction, value, rel_tol=1e-8):
            return str(fraction)
        return f'{value:g}'
    return f'`{value}`' if isinstance(value, str) else str(value)


def is_shared(setting: Setting) -> bool:
    """Whether 1.x, the paper and MMDetection 3 have the same value."""
    return len(setting.values) == 1


def of_group(group: str, shared: bool) -> list[Setting]:
    """A group's settings that are in a config, and the same everywhere or not."""
    return [
        setting
        for setting in all_settings()
        if setting.group == group
        and setting.path != DONE
        and is_shared(setting) == shared
    ]


def settings_table() -> str:
    """A table for each group: the settings that are not the same everywhere."""
    parts = []
    for group in table()['groups']:
        rows = of_group(group, shared=False)
        if rows:
            parts += [f'**{group}**\n', in_markdown(list(map(setting_row, rows)))]
    return '\n'.join(parts)


def setting_row(setting: Setting) -> dict[str, str]:
    values = setting.values
    v1 = value_text(values['v1'])
    ours = value_text(values.get('paper', values['v1']))
    if 'gcnet' in values:
        ours += f'; `syncbn_*`: {value_text(values["gcnet"])}'
    return {
        'setting': setting.name,
        '1.x': v1,
        'the paper': value_text(values['paper']) if 'paper' in values else '',
        '`configs/`': ours,
        'MMDetection 3': value_text(values.get('v3', values['v1'])),
        'said to be worth': setting.worth,
        'source': ', '.join(setting.source),
    }


def shared_table() -> str:
    """What is the same everywhere, a line for each group."""
    lines = []
    for group in table()['groups']:
        rows = of_group(group, shared=True)
        said = '; '.join(
            f'{s.name}: {value_text(s.values["v1"])} ({", ".join(s.source)})'
            for s in rows
        )
        lines += [f'- {group}: {said}.'] if rows else []
    return '\n'.join(lines) + '\n'


def sources_table() -> str:
    return ''.join(f'- {name}: {what}\n' for name, what in table()['sources'].items())


def expected_table() -> str:
    """AP of the 20 rows: the paper's, and that of MMDetection's zoo."""
    masks = {(row['backbone'], row['method']): row for row in load_table(6)}
    rows = []
    for row in load_table(5):
        name = config_name(row)
        with_masks = row['detector'] == 'Mask R-CNN'
        mask = masks.get((row['backbone'], row['method'])) if with_masks else None
        zoo = zoo_scores(name)
        rows.append(
            {
                # GCNet's figures, which are with synchronised norms.
                'config': f'`{"syncbn_" * (row["method"] in COPIED)}{name}`',
                'box AP: the paper': figure(row['AP']),
                'mask AP': figure(mask['AP']) if mask else '',
                '`modern/`, box AP: the zoo': figure(zoo.get('bbox')),
                'mask AP ': figure(zoo.get('segm')) if with_masks else '',
            }
        )
    return in_markdown(rows, words=1)


def cost_of(row: dict) -> tuple[float, float]:
    """GPU hours and 10^9 bytes of checkpoints of a row, estimated."""
    hours = gpu_hours(row['gflops'], IMAGES * EPOCHS)
    # One checkpoint an epoch: weights and momentum in float32.
    return hours, EPOCHS * 2 * 4 * row['params'] * 1e6 / 1e9


def cost_table() -> str:
    """Estimated cost of each row, and of all."""
    rows, total = [], [0.0, 0.0]
    for row in load_table(5):
        hours, gigabytes = cost_of(row)
        total = [total[0] + hours, total[1] + gigabytes]
        rows.append(cost_row(f'`{config_name(row)}`', row['gflops'], *cost_of(row)))
    return in_markdown([*rows, cost_row('all 20', None, *total)], words=1)


def cost_row(name: str, gflops: float | None, hours: float, size: float) -> dict:
    return {
        'config': name,
        'GFLOPs': '' if gflops is None else f'{gflops:.2f}',
        'GPU hours': f'{hours:.0f}',
        'checkpoints (GB)': f'{size:.1f}',
    }


def in_markdown(rows: list[dict[str, str]], words: int = 9) -> str:
    """A table, empty columns left out; the first ``words`` columns are text."""
    columns = [c for c in rows[0] if any(row[c] for row in rows)]
    cells = ([row[c] for c in columns] for row in rows)
    head = [c.strip() for c in columns]
    return '\n'.join(table_lines(head, cells, min(words, len(head)))) + '\n'


TABLES = {
    'settings': settings_table,
    'shared': shared_table,
    'sources': sources_table,
    'expected': expected_table,
    'cost': cost_table,
}


def renewed(page: str) -> str:
    """A page with its tables written anew.

    Raises:
        KeyError: It asks for a table of another name.
    """
    return MADE.sub(lambda m: f'{m[1]}\n{TABLES[m[2]]()}\n{m[3]}', page)


if __name__ == '__main__':
    for path in map(Path, sys.argv[1:]):
        path.write_text(renewed(path.read_text()))
