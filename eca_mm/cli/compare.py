"""Compare rows over seeds: train, test and report all of them, as one campaign."""

import json
import sys
from argparse import Namespace
from pathlib import Path

from eca_mm.campaign.drive import run_campaign
from eca_mm.campaign.executors import Where
from eca_mm.campaign.outcome import report_runs
from eca_mm.campaign.plan import Plan
from eca_mm.campaign.preview import dry_run
from eca_mm.campaign.run_commands import Tools
from eca_mm.campaign.show import Screen, line_of, table_of
from eca_mm.campaign.status import FAILED, as_dict, read_status
from eca_mm.place import folder
from eca_mm.report.runs import ReportError


def where_of(args: Namespace) -> Where:
    pairs = (option.split('=', 1) for option in args.slurm)
    slurm = {key: int(value) if value.isdigit() else value for key, value in pairs}
    return Where(
        args.executor, args.jobs, args.gpus_per_run, args.partition, args.time, slurm
    )


def show_status(args: Namespace, screen: Screen) -> int:
    found = read_status(args.out)
    if args.json:
        print(json.dumps(as_dict(args.out, found), indent=2))
    elif screen.console.is_terminal:
        screen.console.print(table_of(found))
    else:
        print('\n'.join(map(line_of, found)))
    return int(any(status.state == FAILED for status in found))


def main(args: Namespace) -> int:
    screen = Screen()
    if args.status:
        return show_status(args, screen)
    plan = Plan(args.out.absolute(), args.rows, args.seeds, args.cfg_options)
    if args.dry_run:
        dry_run(plan, args.tflops)
        return 0
    tools = Tools(folder() / 'tools', Path.cwd())
    with screen:
        failed = run_campaign(plan, where_of(args), tools, screen.show)
    try:
        print(f'report: {report_runs(plan.folder, plan.runs())}')
    except ReportError as error:
        print(f'no report: {error}', file=sys.stderr)
        return 1
    return int(bool(failed))
