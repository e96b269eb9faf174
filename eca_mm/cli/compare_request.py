"""Compare rows over seeds: train, test and report all of them, as one campaign."""

import argparse
from pathlib import Path

from eca_mm.campaign.rows import RULES, Row, by_name, rows_of_detector, rows_of_table
from eca_mm.engine.arguments import add_settings, check_work_dir
from eca_mm.errors import RequestError
from eca_mm.paper.gpu_hours import TFLOPS
from eca_mm.paper.tables import DETECTORS
from eca_mm.place import folder

from .common import parser_of

EXECUTORS = ('local', 'slurm', 'debug')  # of eca_mm/campaign/executors.py
PLAN = 'campaign.json'  # of a campaign, in its folder
EPILOG = """\
OUT gets runs/ROW/seed_N (work dirs), jobs/ROW/seed_N (logs) and report/. A campaign
that was stopped or killed goes on with the same command: runs that are done are not
repeated, the others go on where they were. With more rows or seeds it is extended. A
run that fails is tried once more, then named, and the others go on. Ctrl-C and SIGTERM
let the runs of this machine save and end; those in the queue of Slurm stay there.

Exit status: 0 all runs are done, 1 some failed, 2 the request was wrong.

examples:
  python tools/compare.py --detector mask_rcnn --seeds 3 --dry-run
  python tools/compare.py --table 5 --seeds 3 --executor slurm --partition gpu \\
      --gpus-per-run 4 --time 1440 --slurm account=me mem_gb=64 cpus_per_task=20
  python tools/compare.py --rows faster_rcnn_r50 eca_faster_rcnn_r50 ours=my/config.py
  python tools/compare.py --status --out work_dirs/compare
"""


def parse_args() -> argparse.Namespace:
    parser = parser_of(__doc__, EPILOG)
    add_request(parser)
    add_execution(parser)
    parser.add_argument(
        '--dry-run', action='store_true',
        help='show the jobs, estimated GPU hours and disk, and all that is wrong with '
        'the rows; start nothing',
    )  # fmt: skip
    parser.add_argument(
        '--tflops', type=float, default=TFLOPS, metavar='N',
        help='that a GPU sustains in training, for the estimate (default: %(default)g)',
    )  # fmt: skip
    parser.add_argument(
        '--status', action='store_true',
        help='show how far the campaign in OUT is, from wherever OUT can be read',
    )  # fmt: skip
    parser.add_argument(
        '--json', action='store_true', help='the status as JSON (implies --status)'
    )
    args = parser.parse_args()
    args.cfg_options = args.cfg_options or []
    args.status = args.status or args.json
    if not (args.status or args.rows or args.table or args.detector):
        parser.error('give --rows, --table or --detector')
    check(args)
    return args


def add_request(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        '--rows', nargs='+', metavar='ROW',
        help='names of configs of this repository, or paths of any, or NAME=PATH; the '
        'first is what the others are compared with',
    )  # fmt: skip
    which.add_argument(
        '--table', type=int, choices=(5, 6), help="the rows of the paper's table"
    )
    which.add_argument(
        '--detector', choices=sorted(DETECTORS.values()), help='its rows of table 5'
    )
    parser.add_argument(
        '--rules', choices=RULES, default='v1',
        help="the paper's configs by MMDetection 1.x's rules or by today's "
        '(default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--seeds', type=int, nargs='+', default=[3], metavar='N',
        help='how many seeds, or several: which (default: 3)',
    )  # fmt: skip
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/compare'), metavar='OUT',
        help='folder of the campaign (default: %(default)s)',
    )  # fmt: skip
    add_settings(parser)


def add_execution(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--executor', choices=EXECUTORS, default='local',
        help='processes of this machine, jobs of Slurm, or one run after the other in '
        'this process, for a debugger (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--jobs', type=int, default=0, metavar='N',
        help='runs at a time (default: as many as the GPUs allow; without a GPU 1; on '
        'Slurm all)',
    )  # fmt: skip
    parser.add_argument(
        '--gpus-per-run', type=int, default=1, metavar='N',
        help='GPUs of each run; on this machine without a GPU processes, on Slurm 0 '
        'for none (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument('--partition', help='of Slurm')
    parser.add_argument(
        '--time', type=int, default=1440, metavar='MINUTES',
        help='time limit of a Slurm job, at which it is queued again and goes on '
        '(default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--slurm', nargs='+', default=[], metavar='KEY=VALUE',
        help="more of submitit's parameters for Slurm: account, qos, constraint, "
        'mem_gb, cpus_per_task, ...',
    )  # fmt: skip


def check(args: argparse.Namespace) -> None:
    """Refuse what cannot be meant; rows and seeds take the place of their names."""
    if args.tflops <= 0:
        raise RequestError(f'--tflops {args.tflops:g}: give a number above 0')
    check_work_dir(args.out, '--out')
    if args.status:
        if not (args.out / PLAN).is_file():
            raise RequestError(f'{args.out} has no campaign: there is no {PLAN}')
        return
    check_execution(args)
    args.seeds = seeds_of(args.seeds)
    args.rows = rows_of(args)


def rows_of(args: argparse.Namespace) -> list[Row]:
    configs = folder() / 'configs' / RULES[args.rules]
    if not configs.is_dir():
        raise RequestError(f'--rules {args.rules}: there is no folder {configs}')
    if args.table:
        return rows_of_table(args.table, configs)
    if args.detector:
        return rows_of_detector(args.detector, configs)
    return by_name(args.rows, configs)


def seeds_of(numbers: list[int]) -> list[int]:
    seeds = list(range(numbers[0])) if len(numbers) == 1 else numbers
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        given = ' '.join(map(str, numbers))
        raise RequestError(
            f'--seeds {given}: give a number from 1, or several different seeds from 0'
        )
    return seeds


def check_execution(args: argparse.Namespace) -> None:
    fewest = 0 if args.executor == 'slurm' else 1
    for name, least in (('jobs', 0), ('gpus_per_run', fewest), ('time', 1)):
        if getattr(args, name) < least:
            option = name.replace('_', '-')
            raise RequestError(f'--{option} {getattr(args, name)}: below {least}')
    if args.executor != 'slurm' and (args.partition or args.slurm):
        raise RequestError('--partition and --slurm are for --executor slurm')
    wrong = [option for option in args.slurm if '=' not in option]
    if wrong:
        raise RequestError(f'--slurm {wrong[0]}: give KEY=VALUE')
