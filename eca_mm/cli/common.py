"""What several commands can be asked for, and what is wrong at first sight."""

import re
import sys
from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Sequence
from pathlib import Path

from eca_mm.engine.arguments import check_work_dir, find_config
from eca_mm.errors import RequestError


def as_called(examples: str) -> str:
    """Examples of a script of tools/, in the words that eca-mm is called by."""
    if not sys.argv[0].startswith('eca-mm '):
        return examples
    own = re.sub(r'python tools/\w+\.py', sys.argv[0], examples)
    return re.sub(r'(?<= )configs/', 'eca_mm::', own)


def parser_of(description: str, epilog: str) -> ArgumentParser:
    """A parser that leaves the lines of both texts as they are."""
    return ArgumentParser(
        description=description,
        epilog=as_called(epilog),
        formatter_class=RawDescriptionHelpFormatter,
    )


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f'{text!r} is no number from 1')
    return int(text)


def add_processes(parser: ArgumentParser) -> None:
    """``--processes``, which does what the dist_ scripts do.

    Not ``--gpus``: mim looks for that word in the help, and gives it a number always.
    """
    parser.add_argument(
        '--processes',
        type=positive,
        metavar='N',
        help='run in N processes, one a GPU of this machine, or on the CPU where '
        'it has none; several machines: the same line on each, with NNODES, NODE_RANK, '
        'MASTER_ADDR and PORT in the environment',
    )


def checked(args: Namespace) -> Namespace:
    """The arguments that train and test share, with the path of the config.

    Raises:
        RequestError: The config is missing, or the work dir cannot be one.
    """
    args.config = find_config(args.config)
    if args.work_dir:
        check_work_dir(args.work_dir)
    return args


def check_checkpoint(name: str) -> None:
    """Raise RequestError if a checkpoint is a file and not there."""
    if '://' not in name and not Path(name).expanduser().exists():
        raise RequestError(f'checkpoint {name} not found: give the path of a file')


def check_shape(shape: Sequence[int], least: int = 32) -> None:
    """Raise RequestError if an image (W, H) of ``--shape`` is too small."""
    if min(shape) < least:
        raise RequestError(f'--shape {shape}: each side must be at least {least}')
