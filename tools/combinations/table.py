"""docs/matrix.md and docs/matrix.csv, written from the records alone."""

import csv
import io
import os
import re
import sys
from pathlib import Path

from installer.versions import needs_cpp20

from .phases import PHASES, QUICK
from .records import read
from .rows import ROWS, Row

HEAD = """\
# Which versions were tried together

Written by `make matrix` (tools/matrix.py); every cell comes from a command that was
run, and what was not run says why. What is pinned, and what is only bounded, is in
[versions.md](versions.md).

- install: `tools/install.py --torch TORCH --stack STACK`, whose check calls mmcv's
  operators and compares them with a few lines of torch. mmcv is compiled for the CPU.
- train: the demo's short form, from composing the images to the report.
- detect: the first row's weights, on the same images: scores, and boxes in sides of the
  image, against the first row's detections.
- resume: the first row's checkpoint continues for another epoch.
- tests: what `{quick}` lists (`make quick`).
"""
COLUMNS = ('install', *PHASES)
VERSIONS = ('torch', 'mmengine', 'mmcv', 'mmdet', 'numpy')


def version(record: dict, name: str) -> str:
    """Of a package, whichever distribution provides it."""
    found, fork = record.get('versions', {}), f'onedl-{name}'
    forks = {'onedl-mmdet': 'onedl-mmdetection'}
    return found.get(name) or found.get(forks.get(fork, fork)) or ''


def public(text: str) -> str:
    """Without the folders of this machine."""
    text = re.sub(r' \(see [^)]*\)', '', text)
    return re.sub(r'/[\w.+-]+(?:/[\w.+-]+)*/(?=[\w.+-])', '', text)


def cells(row: Row, record: dict, reason: str) -> dict[str, str]:
    """A row of the table, by column."""
    phases = record.get('phases', {})
    found = {'python': row.python, 'stack': row.stack}
    found |= {name: version(record, name) for name in VERSIONS}
    found['torch'] = found['torch'] or row.torch
    found['c++'] = '20' if needs_cpp20(row.torch) else '17'
    for name in COLUMNS:
        phase = phases.get(name)
        # A row with nothing in it says why once.
        found[name] = f'not run: {reason}' if phases or name == 'install' else 'not run'
        if phase:
            found[name] = ('' if phase['passed'] else 'FAILED: ') + public(
                phase['said']
            )
    for name in ('device', 'commit', 'date'):
        found[name] = record.get(name, '')
    return found


def plain(text: str) -> str:
    """Without what would end a cell."""
    return text.replace('|', '/').replace('\n', ' ')


def markdown(rows: list[dict[str, str]]) -> str:
    """The page."""
    shown = [name for name in rows[0] if name not in ('device', 'commit', 'date')]
    lines = ['| ' + ' | '.join(shown) + ' |', '|' + '---|' * len(shown)]
    lines += ['| ' + ' | '.join(plain(row[n]) for n in shown) + ' |' for row in rows]
    runs = {(row['device'], row['commit'], row['date']) for row in rows if row['date']}
    where = [f'- {device}; commit {c}; {date}' for device, c, date in sorted(runs)]
    parts = [HEAD.format(quick=QUICK), '\n'.join(lines), 'Where, of what and when:']
    return '\n\n'.join(part.rstrip() for part in [*parts, '\n'.join(where)]) + '\n'


def write(folder: Path, docs: Path, reasons: dict[str, str]) -> None:
    """Write both files.

    Args:
        folder: of the records.
        docs: where the files go.
        reasons: why rows that have no record, or not all of it, were not run.
    """
    rows = [
        cells(row, read(folder, row), reasons.get(row.name, 'a phase before it failed'))
        for row in ROWS
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0], lineterminator='\n')
    table.writeheader()
    table.writerows(rows)
    for name, content in (('csv', text.getvalue()), ('md', markdown(rows))):
        temporary = docs / f'.matrix.tmp.{name}'
        temporary.write_text(content)
        os.replace(temporary, docs / f'matrix.{name}')
    print(f'table: {docs / "matrix.md"}', file=sys.stderr)
