"""SIGKILL at random moments of a campaign of 2 rows and 3 seeds, and again.

Killed is the campaign alone, whose runs continue and are taken over, or all of it. The
end is compared with that of a campaign that was left alone: checkpoints, figures and
the numbers of the report.
"""

import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from outcome import Outcome
from processes import chance, forked, has_ended, progress, status_of
from subject import end_state, same

from eca_mm.campaign import drive, notes
from eca_mm.campaign.outcome import report_runs

sys.path.insert(0, str(Path(__file__).parents[1] / 'campaign'))
from small_campaign import here, make_rows, plan_of, tools  # noqa: E402

AT_ONCE = 10  # kills of a campaign
OF_THE_CLOCK = ('training.csv', 'cost.csv')  # of a report: seconds of an iteration
FAULT = 'SIGKILL, a campaign of 2 rows x 3 seeds'


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """Stand-ins for the tools train; ``campaign_real`` is the same with the tools."""
    rows = make_rows(folder, steps=12, pace=0.1)
    plan = partial(plan_of, rows=rows)
    return killed(FAULT, plan, tools(folder), tries, folder, jobs)


def killed(fault, plan, used, tries: int, folder: Path, jobs: int) -> Outcome:
    """The row of a fault.

    Args:
        plan: Makes the plan of a campaign in a folder.
        used: The tools that train and test.
    """
    drive.PAUSE = 0.1
    work = partial(campaign, plan, used, jobs)
    began = time.monotonic()
    status = status_of_long(
        forked(partial(work, folder / 'whole'), folder / 'whole.log')
    )
    length = time.monotonic() - began
    assert status == 0, (folder / 'whole.log').read_text()
    hits, problems, where = 0, Counter(), Counter()
    for number in range(-(-tries // AT_ONCE)):
        out, times = folder / f'killed_{number}', min(AT_ONCE, tries - hits)
        work_here = partial(work, out)
        random = chance(f'{folder.name} {number}')
        hit = [kill_once(work_here, out, random, length / 4) for _ in range(times)]
        where.update(filter(None, hit))
        hits += times
        status = status_of_long(forked(work_here, out.with_suffix('.log')))
        problem = (
            f'then status {status}' if status else difference(folder / 'whole', out)
        )
        problems.update([problem] if problem else [])
    lost = problems.total()
    note = ', '.join(f'{kind} {count}' for kind, count in sorted(where.items()))
    note += ''.join(f'; {count} x {what}' for what, count in problems.items())
    return Outcome(fault, hits, hits - lost, lost, note)


def campaign(plan: Callable, used, jobs: int, out: Path) -> int:
    """What tools/compare.py does."""
    os.setsid()
    wanted = plan(out)
    failed = drive.run_campaign(wanted, here(jobs=jobs), used, lambda runs: None)
    report_runs(out, wanted.runs())
    return len(failed)


def kill_once(work: Callable, out: Path, random, longest: float) -> str:
    """Start the campaign and kill it, or all of it; what was killed, if anything."""
    pid = forked(work, out.with_suffix('.log'))
    end = time.monotonic() + random.uniform(0.5, longest)
    while time.monotonic() < end and not has_ended(pid):
        time.sleep(0.01)
    everything = random.random() < 0.5
    is_over = has_ended(pid)
    os.kill(pid, signal.SIGKILL)
    status_of(pid)
    if everything:
        for process in of_campaign(out):
            os.kill(process, signal.SIGKILL)
    progress.advance()
    if is_over:
        return 'after its end'
    return 'with all its runs' if everything else 'alone'


def of_campaign(out: Path) -> list[int]:
    """The processes that name a campaign's folder: controllers, jobs, runs."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = path.read_bytes()
        except OSError:  # it has ended
            continue
        if re.search(re.escape(os.fsencode(out)) + rb'/', words):
            found.append(int(path.parent.name))
    return found


def status_of_long(pid: int) -> int:
    """As :func:`status_of`, for what takes minutes."""
    while not has_ended(pid):
        time.sleep(0.05)
    return status_of(pid)


def difference(whole: Path, out: Path) -> str:
    """What differs between the ends of two campaigns, if anything."""
    names = sorted(
        path.parent.relative_to(whole) for path in whole.glob('runs/*/*/*.pth')
    )
    for name in dict.fromkeys(names):
        if not same(end_state(whole / name), end_state(out / name)):
            return f'another end of {name}'
        if notes.read(whole / name / notes.FINISHED) != notes.read(
            out / name / notes.FINISHED
        ):
            return f'another record of {name}'
    tables = {path.name for path in whole.glob('report/report_data/*.csv')}
    for table in sorted(tables):
        one, two = (
            told(folder / 'report/report_data' / table) for folder in (whole, out)
        )
        if one != two and table not in OF_THE_CLOCK:
            return f'another {table} in the report'
    return '' if tables else 'no report'


def told(table: Path) -> list[str]:
    """The lines of a table but for the day of each run."""
    lines = table.read_text().splitlines()
    return [line for line in lines if not line.startswith('date,')]
