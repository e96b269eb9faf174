"""The command line: which rows are run, and what is written of them."""

import shutil
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from fnmatch import fnmatch
from pathlib import Path

from installer.checkout import REPO
from installer.output import InstallError, clock

from . import records, table
from .phases import PHASES, FailedError, Place, install, versions
from .rows import REFERENCE, ROWS, Row, find_python

DESCRIPTION = """\
Install and test every combination of Python, torch and stack that is supported, and
write docs/matrix.md and docs/matrix.csv of what came of it. A row that passed at this
commit is not run again; packages and compiled operators come from pip's cache and from
that of tools/install.py. A row with another torch than the pinned one takes 3 GB of
downloads and 6 GB of disk, which are free again when it has passed.
"""
EPILOG = """\
examples:
  python3 tools/matrix.py --list
  python3 tools/matrix.py
  python3 tools/matrix.py --only 'py3.11-*' --because 'for another day'

Exit status: 0 all rows that were run passed, 1 one did not, 2 the request was wrong.
"""


def parse_arguments(arguments: list[str] | None) -> Namespace:
    """The options, and their help."""
    parser = ArgumentParser(
        prog='matrix.py',
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    flag = parser.add_argument
    flag('--list', action='store_true', help='only show the rows, and their Pythons')
    flag(
        '--only',
        nargs='+',
        metavar='NAME',
        help='rows to run, names or patterns of them; the first row, whose checkpoint '
        'the others need, is run before them if it has never passed',
    )
    flag(
        '--because',
        default='left out by --only',
        metavar='TEXT',
        help='what the table says of rows that --only leaves out',
    )
    flag('--again', action='store_true', help='run rows that have passed, too')
    flag('--keep', action='store_true', help='keep the environments that passed')
    flag('--jobs', type=int, metavar='N', help='compilers at a time, as of install.py')
    flag(
        '--folder',
        type=Path,
        default=REPO / 'build' / 'matrix',
        metavar='DIR',
        help='environments, logs and records (default: build/matrix)',
    )
    return parser.parse_args(arguments)


def choose(only: list[str] | None, folder: Path) -> list[Row]:
    """The rows to run. Raises InstallError for a name that no row has."""
    if only is None:
        return list(ROWS)
    for name in only:
        if not any(fnmatch(row.name, name) for row in ROWS):
            raise InstallError(f'--only {name}: no row has that name; see --list')
    chosen = [row for row in ROWS if any(fnmatch(row.name, name) for name in only)]
    has_reference = records.has_passed(records.read(folder, REFERENCE))
    return chosen if REFERENCE in chosen or has_reference else [REFERENCE, *chosen]


def show() -> None:
    """Print the rows."""
    for row in ROWS:
        python = find_python(row.python)
        print(f'{row.name:32}{python or "no Python " + row.python + " here"}')


def run_phase(record: dict, name: str, phase) -> bool:
    """Run one phase and note what came of it. Returns whether it passed."""
    begin = time.monotonic()
    try:
        said, passed = phase(), True
    except FailedError as error:
        said, passed = str(error), False
    record['phases'][name] = {'passed': passed, 'said': said}
    took = clock(time.monotonic() - begin)
    print(f'      {name}: {"" if passed else "FAILED: "}{said} ({took})', flush=True)
    return passed


def run_row(place: Place, python: str, arguments: Namespace) -> bool:
    """Run all phases of a row, and keep its record. Returns whether all passed."""
    folder, record = arguments.folder, records.start()
    place.folder.mkdir(parents=True, exist_ok=True)
    for part in ('work_dir', 'resumed', 'detections'):
        shutil.rmtree(place.folder / part, ignore_errors=True)
    passed = run_phase(
        record, 'install', lambda: install(place, python, arguments.jobs)
    )
    if passed:
        record['versions'] = versions(place)
    records.write(folder, place.row, record)
    if not passed:
        return False
    for name, phase in PHASES.items():
        passed &= run_phase(record, name, lambda phase=phase: phase(place))
        records.write(folder, place.row, record)
    if passed and not arguments.keep:
        shutil.rmtree(place.folder / 'venv')
    return passed


def run(arguments: Namespace) -> int:
    """Run what is asked for; returns the exit status. Raises InstallError."""
    if arguments.list:
        show()
        return 0
    folder = arguments.folder = arguments.folder.absolute()
    chosen = choose(arguments.only, folder)
    reasons = {row.name: arguments.because for row in ROWS if row not in chosen}
    failed = []
    for number, row in enumerate(chosen, 1):
        print(f'[{number}/{len(chosen)}] {row.name}', flush=True)
        python = find_python(row.python)
        if records.is_current(records.read(folder, row)) and not arguments.again:
            print('      passed at this commit already')
        elif python is None:
            reasons[row.name] = f'no Python {row.python} on this machine'
            print(f'      not run: {reasons[row.name]}')
        else:
            place = Place(row, folder / row.name, folder / REFERENCE.name)
            if not run_row(place, python, arguments):
                failed.append(row.name)
            if row == REFERENCE and failed:
                raise InstallError(
                    f'{row.name} failed, with which the others are compared; its logs '
                    f'are in {place.folder}'
                )
        table.write(folder, REPO / 'docs', reasons)
    print(f'{len(chosen) - len(failed)} rows without a failure, {len(failed)} with')
    return int(bool(failed))


def main(arguments: list[str] | None = None) -> int:
    """Run, and turn what can be fixed into one line. Returns the exit status."""
    try:
        return run(parse_arguments(arguments))
    except (InstallError, FailedError, OSError) as error:
        print(f'matrix.py: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('matrix.py: interrupted; run again to resume', file=sys.stderr)
        return 130
