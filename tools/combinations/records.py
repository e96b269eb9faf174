"""What came of the rows, kept in files, so that a run can be resumed."""

import json
import os
import platform
import subprocess
import time
from pathlib import Path

from installer.checkout import REPO

from .phases import PHASES
from .rows import Row


def commit() -> str:
    """The checkout's commit, with a + where files differ from it."""
    git = ['git', '-C', str(REPO)]
    head = subprocess.run(
        [*git, 'rev-parse', '--short', 'HEAD'], capture_output=True, text=True
    ).stdout.strip()
    # The table itself is what this tool writes.
    changed = subprocess.run(
        [*git, 'status', '--porcelain', '--', '.', ':!docs/matrix.*'],
        capture_output=True,
        text=True,
    ).stdout.strip()
    return (head or 'unknown') + ('+' if changed else '')


def device() -> str:
    """The processor's name and the number of cores."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        name = next(line for line in lines if line.startswith('model name'))
    except (OSError, StopIteration):
        pass
    return f'{name.partition(":")[2].strip() or name}, {os.cpu_count()} cores, no GPU'


def path_of(folder: Path, row: Row) -> Path:
    """The file of a row's record."""
    return folder / row.name / 'record.json'


def read(folder: Path, row: Row) -> dict:
    """A row's record, {} where there is none."""
    try:
        return json.loads(path_of(folder, row).read_text())
    except (OSError, ValueError):
        return {}


def start() -> dict:
    """A record with nothing in it but where and when."""
    return {
        'commit': commit(),
        'device': device(),
        'date': time.strftime('%Y-%m-%d', time.gmtime()),
        'versions': {},
        'phases': {},
    }


def write(folder: Path, row: Row, record: dict) -> None:
    """Replace a row's record in one go."""
    path = path_of(folder, row)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix('.tmp')
    temporary.write_text(json.dumps(record, indent=1))
    os.replace(temporary, path)


def has_passed(record: dict) -> bool:
    """Whether all phases of a row passed, at whatever commit."""
    phases = record.get('phases', {})
    return {'install', *PHASES} == phases.keys() and all(
        phase['passed'] for phase in phases.values()
    )


def is_current(record: dict) -> bool:
    """Whether they passed at this very commit."""
    return record.get('commit') == commit() and has_passed(record)
