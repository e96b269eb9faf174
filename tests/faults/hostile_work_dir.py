"""A stranger's work dir, given to tools/report.py: nothing outside is read or run."""

import sys
from functools import partial
from pathlib import Path

from outcome import Outcome
from processes import each, forked, status_of

REPO = Path(__file__).parents[2]
sys.path[:0] = [str(REPO / 'tests/report'), str(REPO / 'tools')]
from file_watch import watched  # noqa: E402
from hostile_dirs import MARK, REFUSED, Place, make, tricks  # noqa: E402


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """Every way to make one hostile, several at once where there can be a report.

    It survives if the tool reads nothing but what it was given, runs nothing, and ends
    with a report, or with status 2 and one line.
    """
    found = each(partial(attack, folder), [*range(tries)], jobs)
    lost = [problem for problem in found if problem]
    note = 'no file outside opened, none embedded, nothing executed'
    return Outcome(
        'hostile work dir', tries, tries - len(lost), len(lost), '; '.join(lost) or note
    )


def attack(folder: Path, number: int) -> str:
    """What is wrong after the report of one work dir, or ''."""
    place = make(folder / str(number))
    refused = number % 2 and [*REFUSED.values()][number // 2 % len(REFUSED)]
    changes = [refused] if refused else [*tricks(number // 2).values()]
    for change, _ in changes:
        change(place)
    (place.root / 'out').mkdir()
    log = place.root / 'log'
    status = status_of(forked(partial(report, place), log))
    said = log.read_text(errors='replace')
    if place.proof.exists():
        return 'EXECUTED'
    if status != (2 if refused else 0) or 'Traceback' in said:
        return f'number {number}: status {status}'
    if any(MARK in path.read_text() for path in place.root.glob('out/*.*')):
        return f'number {number}: a file outside is in the page'
    return next((line for line in said.splitlines() if 'SEEN' in line), '')


def report(place: Place) -> None:
    """The tool under a watch, whose findings go to the log."""
    from eca_mm.cli import perform, report_request  # noqa: F401
    from eca_mm.cli import report as _  # noqa: F401  (its imports are not watched)

    given = [f'--{name}={path}' for name, path in place.given.items()]
    out = place.root / 'out'
    sys.argv = ['report.py', str(place.run), f'--out={out}', '--replicates=2', *given]
    with watched(place.run, place.data, out) as found:
        try:
            perform('report')
        finally:
            for line in found:
                print('SEEN', line)
