"""A campaign before it starts: its jobs, what they will cost, and what is wrong."""

from collections import Counter
from contextlib import redirect_stdout
from copy import deepcopy
from io import StringIO

from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from eca_mm.engine import RequestError
from eca_mm.engine.preflight import find_problems
from eca_mm.engine.preflight.findings_table import as_table, count, plural
from eca_mm.findings import ERROR, NOTE, Finding
from eca_mm.progress import track

from . import notes
from .estimate import ASSUMPTION, Cost, cost_of
from .plan import Plan, Run
from .run_commands import needs_test

GIB = 2**30


def dry_run(plan: Plan, tflops: float) -> None:
    """Show jobs, costs and findings on stdout; nothing is written.

    Raises:
        RequestError: There are errors.
    """
    runs = plan.runs()
    notes.refuse_changed(runs, plan.digests)
    left = Counter(run.row for run in runs if not notes.finished(run))
    found, findings = {}, {}
    for row, cfg in track(plan.configs.items(), 'rows'):
        with redirect_stdout(StringIO()):  # the hosts print
            found[row] = cost_of(cfg, tflops)
            findings[row] = look_at(cfg, next(run for run in runs if run.row == row))
    console = Console()
    console.print(cost_table(len(runs), left, found))
    console.print(ASSUMPTION.format(tflops=tflops), highlight=False)
    for row, told in findings.items():
        if any(finding.level != NOTE for finding in told):
            console.print(as_table(row, told))
        else:
            console.print(f'{row}: nothing to mend', highlight=False)
    errors = sum(count(told, ERROR) for told in findings.values())
    if errors:
        raise RequestError(f'{plural(errors, "thing")} to fix before this can run')


def look_at(cfg: Config, run: Run) -> list[Finding]:
    """The preflight of a row, as its first run will make it."""
    cfg = deepcopy(cfg)
    cfg.update(launcher='none', work_dir=str(run.folder), resume=True)
    splits = ('train', 'val', *(['test'] if needs_test(cfg) else []))
    return find_problems(cfg, splits, is_check=True)


def cost_table(runs: int, left: Counter, found: dict[str, Cost]) -> Table:
    """A line for each row: one run, and all that are left to do."""
    table = Table(title=f'{left.total()} of {runs} runs to do')
    table.add_column('row', overflow='fold')
    names = ('runs', 'GFLOPs', 'images', 'GPU h a run', 'GPU h', 'disk GiB')
    for name in names:
        table.add_column(name, justify='right')
    for name, cost in found.items():
        table.add_row(name, str(left[name]), *cells(cost, left[name]))
    hours = [cost.gpu_hours and cost.gpu_hours * left[n] for n, cost in found.items()]
    disk = [cost.disk and cost.disk * left[n] for n, cost in found.items()]
    table.add_section()
    all_disk = None if None in disk else sum(disk) / GIB
    all_hours = None if None in hours else sum(hours)
    table.add_row('all', str(left.total()), '', '', '',
                  number(all_hours, '.1f'), number(all_disk, '.1f'))  # fmt: skip
    return table


def cells(cost: Cost, runs: int) -> list[str]:
    hours = cost.gpu_hours
    return [
        number(cost.gflops, '.2f'),
        number(cost.images, ',d'),
        number(hours, '.2f'),
        number(None if hours is None else hours * runs, '.1f'),
        number(cost.disk and cost.disk * runs / GIB, '.1f'),
    ]


def number(value: float | None, form: str) -> str:
    return '?' if value is None else format(value, form)
