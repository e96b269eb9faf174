"""The command line: what is asked for, and how a run ends."""

import signal
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from .check import check, check_here
from .checkout import REPO
from .here import Here
from .machine import default_jobs
from .output import InstallError, clock
from .stacks import STACKS
from .steps import install
from .venv import Venv
from .versions import require_torch

DESCRIPTION = (
    'Makes .venv in the repository with everything eca_mm needs. The first run '
    "compiles mmcv's operators, a minute or two on two cores, and keeps the wheel; a "
    'run that finds nothing to do takes a second.'
)
EPILOG = (
    'Examples: "python3 tools/install.py" for an environment of its own; "python '
    'tools/install.py --here" in one that has torch or mmdet already; "python3 '
    'tools/install.py --check" to see what is there. PIP_* variables are pip\'s as '
    'always. Compiled wheels are kept in $ECA_MM_WHEEL_CACHE, by default '
    '~/.cache/eca_mm/wheels. Exit status: 0 done, 2 something to fix.'
)


def parse_arguments(arguments: list[str] | None) -> Namespace:
    """The options, and their help."""
    parser = ArgumentParser(prog='install.py', description=DESCRIPTION, epilog=EPILOG)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        '--venv',
        type=Path,
        default=REPO / '.venv',
        metavar='DIR',
        help='the virtual environment to make or complete (default: .venv)',
    )
    where.add_argument(
        '--here',
        action='store_true',
        help='install into the Python that runs this script, only what it lacks: its '
        'torch, numpy and working mmcv, mmengine and mmdet stay as they are',
    )
    flag = parser.add_argument
    flag(
        '--torch',
        metavar='X.Y.Z',
        help='another release of torch than the pinned one, from 2.6.0 on, and with it '
        'what it asks for; later runs keep it',
    )
    flag(
        '--stack',
        choices=STACKS,
        help="OpenMMLab's own packages, or the maintained forks of them, which install "
        'under other names (default: openmmlab); later runs keep it',
    )
    kind = parser.add_mutually_exclusive_group()
    for ops, text in [('cuda', 'without'), ('cpu', 'with')]:
        kind.add_argument(
            f'--{ops}',
            dest='ops',
            action='store_const',
            const=ops,
            help=f'compile the operators for {ops.upper()} even {text} a GPU (default: '
            'CUDA where there are a GPU and nvcc)',
        )
    flag('--check', action='store_true', help='only show versions, and run an operator')
    flag('--no-dev', dest='dev', action='store_false', help='leave out tests and demo')
    jobs = 'compilers at a time (default: one a core and 3 GiB of memory)'
    flag('--jobs', type=int, metavar='N', help=jobs)
    return parser.parse_args(arguments)


def run(arguments: Namespace) -> None:
    """Do what the arguments ask for. Raises InstallError."""
    require_own(arguments)
    if arguments.check and arguments.here:
        check_here()
    elif arguments.check:
        check(Venv(arguments.venv))
    elif arguments.here:
        with tempfile.TemporaryDirectory(prefix='eca_mm-') as tools:
            run_for(Here(Path(tools)), arguments)
    else:
        run_for(Venv(arguments.venv, arguments.torch, arguments.stack), arguments)


def require_own(arguments: Namespace) -> None:
    """Raises InstallError where --torch or --stack asks for what cannot be done."""
    for name in ('torch', 'stack'):
        if getattr(arguments, name) and (arguments.here or arguments.check):
            raise InstallError(
                f'--{name} is for the environment that this script makes: leave out '
                f'--here and --check, which take the {name} that is there'
            )
    if arguments.torch:
        require_torch(arguments.torch)


def run_for(target: Here | Venv, arguments: Namespace) -> None:
    """Install into the target, unless all is there. Raises InstallError."""
    begin = time.monotonic()
    if target.is_current(arguments.dev, arguments.ops):
        print(f'up to date: {target} ({time.monotonic() - begin:.1f} s)')
        return
    ops = arguments.ops or target.read_stamp().get('forced')
    install(target, arguments.dev, ops, arguments.jobs or default_jobs())
    print(f'installed in {clock(time.monotonic() - begin)}: {target}')


def main(arguments: list[str] | None = None) -> int:
    """Run, and turn what can be fixed into one line. Returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children end too
    try:
        run(parse_arguments(arguments))
    except InstallError as error:
        print(f'install.py: {error}', file=sys.stderr)
        return 2
    except OSError as error:
        print(f'install.py: {error}; fix that and run again', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('install.py: interrupted; run again to resume', file=sys.stderr)
        return 130
    return 0
