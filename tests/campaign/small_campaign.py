"""A campaign of stand-ins for the tools: two rows, three seeds, a second each."""

import sys
import time
from pathlib import Path

from eca_mm.campaign import drive
from eca_mm.campaign.executors import Where
from eca_mm.campaign.plan import Plan
from eca_mm.campaign.rows import Row
from eca_mm.campaign.run_commands import Tools

sys.path.insert(0, str(Path(__file__).parents[1] / 'report'))
from report_runs import make_file, make_truth  # noqa: E402

STAND_IN = Path(__file__).parent / 'stand_in'
ROWS, SEEDS = ('none', 'eca'), (0, 1, 2)


def make_rows(folder: Path, steps=5, pace=0.02, seeds=SEEDS, **more) -> list[Row]:
    """Configs, and the detections that their runs will find.

    Args:
        more: Settings of each row, by its name, such as ``eca=dict(faults={...})``.
    """
    material = folder / 'material'
    if not material.exists():
        material.mkdir(parents=True)
        truth = make_truth(material, images=12)
        for i, row in enumerate(ROWS):
            for seed in seeds:
                make_file(material, truth, f'{row}_{seed}', 10 * i + seed)
    return [
        make_row(folder, name, steps, pace, material, more.get(name, {}))
        for name in ROWS
    ]


def make_row(folder, name, steps, pace, material, more) -> Row:
    settings = dict(name=name, steps=steps, pace=pace, material=str(material)) | more
    settings['custom_hooks'] = [dict(type='ReportHook')]
    path = folder / f'{name}.py'
    path.write_text(''.join(f'{key} = {value!r}\n' for key, value in settings.items()))
    return Row(name, path)


def plan_of(out: Path, rows: list[Row], seeds=SEEDS, options=()) -> Plan:
    return Plan(out, rows, list(seeds), list(options))


def tools(folder: Path) -> Tools:
    return Tools(STAND_IN, folder)


def here(**settings) -> Where:
    return Where(**dict(jobs=2) | settings)


# Of the rows of a campaign of stand-ins: at step 2 both wait to be told to go on.
BOTH_WAIT = dict.fromkeys(ROWS, dict(faults={(0, 2): 'wait'}))


def run(folder, rows, seeds=(0,), options=(), show=lambda runs: None, **where):
    plan = plan_of(folder / 'out', rows, seeds, options)
    failed = drive.run_campaign(plan, here(**where), tools(folder), show)
    return plan.runs(), failed


def starts(one) -> list[str]:
    """Step of each start of a run."""
    lines = (one.folder / 'starts.txt').read_text().splitlines()
    return [line.split()[0] for line in lines]


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
