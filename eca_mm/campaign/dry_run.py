"""A campaign before it starts: its jobs, what they will cost, and what is wrong."""

from contextlib import redirect_stdout
from copy import deepcopy
from io import StringIO

from rich.console import Console
from rich.table import Table

from eca_mm.engine import RequestError
from eca_mm.engine.preflight import find_problems
from eca_mm.engine.preflight.output import as_table, count, plural
from eca_mm.findings import ERROR, NOTE, Finding

from . import notes
from .commands import needs_test
from .estimate import ASSUMPTION, Cost, costs
from .plan import Plan

GIB = 2**30


def dry_run(plan: Plan, tflops: float) -> None:
    """Show jobs, costs and findings on stdout; nothing is written.

    Raises:
        RequestError: There are errors.
    """
    console = Console()
    runs = plan.runs()
    notes.refuse_changed(runs, plan.digests)
    left = {
        row.name: sum(r.row == row.name and not notes.finished(r) for r in runs)
        for row in plan.rows
    }
    console.print(cost_table(plan, left, costs(plan, tflops)))
    console.print(ASSUMPTION.format(tflops=tflops), highlight=False)
    errors = 0
    for row in plan.rows:
        findings = look_at(plan, row.name)
        errors += count(findings, ERROR)
        if any(finding.level != NOTE for finding in findings):
            console.print(as_table(row.name, findings))
        else:
            console.print(f'{row.name}: nothing to mend', highlight=False)
    if errors:
        raise RequestError(f'{plural(errors, "thing")} to fix before this can run')


def look_at(plan: Plan, row: str) -> list[Finding]:
    """The preflight of a row, as its runs will make it."""
    cfg = deepcopy(plan.configs[row])
    cfg.launcher = 'none'
    first = next(run for run in plan.runs() if run.row == row)
    cfg.work_dir, cfg.resume = str(first.folder), True
    splits = ('train', 'val', *(['test'] if needs_test(cfg) else []))
    with redirect_stdout(StringIO()):  # the hosts print
        return find_problems(cfg, splits, is_check=True)


def cost_table(plan: Plan, left: dict[str, int], found: dict[str, Cost]) -> Table:
    """A line for each row: one run, and all that are left to do."""
    table = Table(title=f'{sum(left.values())} of {len(plan.runs())} runs to do')
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
    table.add_row('all', str(sum(left.values())), '', '', '',
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
