"""The commands, one a file, and ``eca-mm``, which names them.

Beside each command.py lies command_request.py, what it can be asked for. That imports
nothing that takes long, so that help and wrong requests need no patience.
"""

import sys
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from functools import partial
from importlib import import_module

import eca_mm
from eca_mm.engine.exit_status import exit_status
from eca_mm.errors import RequestError
from eca_mm.host import HostError, need_host
from eca_mm.place import folder

from .garbage import uncollected
from .processes import become_processes

# Name: what it does. The code is in NAME.py, its arguments in NAME_request.py.
COMMANDS = {
    'train': 'train a detector, with a check before it starts',
    'test': 'evaluate a checkpoint with COCO metrics',
    'check': 'look at config, data, weights and disk, and show all that is wrong',
    'infer': 'find objects in images and videos, and draw them',
    'report': 'compare evaluated runs on one page',
    'compare': 'train, test and report rows over seeds, here or on Slurm',
    'convert': 'convert published weights to the names used here',
    'complexity': "count parameters and GFLOPs, also of the paper's rows",
    'benchmark': 'measure what attention costs: time and memory',
    'visualize': 'show what the channel gates of a trained model learned',
    'export': 'write a detector, or backbone and neck, as an ONNX file',
}
# These import MMDetection themselves if they come to need it.
LATE_HOST = ('report', 'convert')
# Those that may do without MMDetection, and when they cannot.
HOSTLESS = {'infer': lambda args: not args.model.endswith('.onnx')}
EPILOG = """\
"eca-mm COMMAND --help" tells what each takes. A config is a path, or eca_mm::NAME.py
for one that comes with this package, whose folder "eca-mm --where" prints.

examples:
  eca-mm train eca_mm::eca_faster_rcnn_r50.py --check
  eca-mm train eca_mm::eca_faster_rcnn_r50.py --processes 4
  eca-mm test eca_mm::eca_faster_rcnn_r50.py work_dirs/eca_faster_rcnn_r50/epoch_12.pth
  eca-mm report work_dirs/faster_rcnn_r50 work_dirs/eca_faster_rcnn_r50
"""


def run_command(name: str) -> int:
    """Run a command on the arguments of this process; returns its exit status."""
    return exit_status(partial(perform, name))


def perform(name: str) -> int | None:
    args = import_module(f'.{name}_request', __name__).parse_args()
    if getattr(args, 'processes', None):
        become_processes(name, args.processes)
    try:
        with uncollected():
            if name not in HOSTLESS or HOSTLESS[name](args):
                need_host(f'eca-mm {name}')
                if name not in LATE_HOST:
                    eca_mm.register()
            command = import_module(f'.{name}', __name__)
        return command.main(args)
    except HostError as error:
        raise RequestError(str(error)) from error


def run_named() -> int:
    """Run the command that the first argument names."""
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        name = sys.argv[1]
        sys.argv[:2] = [f'eca-mm {name}']
        return run_command(name)
    parser = ArgumentParser(
        prog='eca-mm',
        description='Efficient channel attention for MMDetection.\n\ncommands:\n'
        + '\n'.join(f'  {name:<11} {text}' for name, text in COMMANDS.items()),
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        usage='eca-mm COMMAND [arguments]',
    )
    parser.add_argument('--version', action='version', version=eca_mm.__version__)
    parser.add_argument(
        '--where', action='store_true', help='print where configs and tools lie'
    )
    parser.add_argument(
        'command', nargs='?', choices=COMMANDS, metavar='COMMAND', help=SUPPRESS
    )
    args = parser.parse_args()
    if not args.where:
        parser.error(f'give a command: {", ".join(COMMANDS)}')
    print(folder())
    return 0
