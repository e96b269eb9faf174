"""What a command line asks for, and how a wrong request ends: one line, status 2."""

import logging
import os
import signal
import sys
import traceback
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.dist import get_world_size


class RequestError(Exception):
    """The request is wrong: each argument says what and how to mend it, in one line."""


class RunStopped(Exception):
    """A run ends before its time, for a reason that one line tells.

    Args:
        line: What happened and how to go on.
        status: The exit status of the tool.

    Attributes:
        of_one_rank: Whether the other ranks know nothing of it.
    """

    of_one_rank = False

    def __init__(self, line: str, status: int = 1) -> None:
        super().__init__(line)
        self.status = status


def exit_status(main: Callable[[], int | None]) -> int:
    """Run a tool and return its exit status: 2 for a wrong request, else what it says.

    A run that fails keeps its traceback, unless it says why with :class:`RunStopped`.
    """
    # Which itself imports this module.
    from .distributed import is_first_rank, leave_gloo, leave_other_ranks

    # mmengine reloads pkg_resources for each mmdet:: base and warns each time: it would
    # bury the one line below.
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated', UserWarning)
    logging.raiseExceptions = False  # a full disk: no traceback for each log line
    try:
        return main() or 0
    except RequestError as error:
        for problem in error.args:
            # One line whatever the message quotes.
            print(f'error: {" ".join(problem.split())}', file=sys.stderr)
        return 2
    except RunStopped as stop:
        if is_first_rank() or stop.of_one_rank:
            print(f'stopped: {" ".join(str(stop).split())}', file=sys.stderr)
        if stop.of_one_rank:
            leave_other_ranks(stop.status)
        return stop.status
    except BaseException as error:
        if is_interrupt(error):  # before the run saves at Ctrl-C, or at the second one
            if is_first_rank():
                print('stopped: by SIGINT', file=sys.stderr)
            return 128 + signal.SIGINT
        if isinstance(error, Exception) and get_world_size() > 1:
            traceback.print_exc()
            leave_other_ranks(1)
        raise
    finally:
        leave_gloo()


def is_interrupt(error: BaseException | None) -> bool:
    """Whether it is a Ctrl-C, or followed from one: mmengine turns it into others."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def add_config_arguments(parser: ArgumentParser) -> None:
    """The arguments that MMDetection's train and test tools share."""
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help='where logs, checkpoints and the report go (default: work_dirs/CONFIG)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config, such as train_cfg.max_epochs=1 '
        'model.backbone.init_cfg=None; lists as key="[a,b]" or key=a,b',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes were started (set by the dist_ and slurm_ scripts)',
    )
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help='passed by old launchers; used where LOCAL_RANK is not set',
    )


def read_config(path: str, options: dict | None = None) -> Config:
    """Read a config and merge ``options`` into it.

    Raises:
        RequestError: The file is missing or is not a config, or an option does not fit.
    """
    if not Path(path).is_file():
        raise RequestError(
            f'config {path} not found: give the path of a config file, for example '
            'configs/eca_faster_rcnn_r50.py'
        )
    try:
        cfg = Config.fromfile(path)
        cfg.merge_from_dict(options or {})
    except Exception as error:  # a config is code: anything can be raised
        raise RequestError(f'config {path}: {type(error).__name__}: {error}') from error
    return cfg


def load_config(args: Namespace) -> Config:
    """Read the config and apply the shared arguments; errors as :func:`read_config`."""
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    default_work_dir = Path('work_dirs') / Path(args.config).stem
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(default_work_dir)
    return cfg
