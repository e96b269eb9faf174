"""What a command line of MMDetection's kind asks for, and the config that it names."""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from mmengine.config import Config, DictAction

from .errors import RequestError

CHECKS = ['quick', 'full']


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


def add_check_arguments(parser: ArgumentParser) -> None:
    """``--check`` and ``--json``, which the train and the test tool share."""
    parser.add_argument(
        '--check',
        nargs='?',
        const='quick',
        choices=CHECKS,
        help='only look at config, data, weights, work dir and disk, and show all that '
        'is wrong; "full" reads every image and not a sample of 100. Exit status 0 '
        '(warnings at most) or 2',
    )
    parser.add_argument(
        '--json',
        action='store_true',
        help='the same as JSON on stdout (implies --check): config, errors, warnings '
        '(counts) and findings, each with level (error, warning or note), part, '
        'subject, what, remedy',
    )


def parse_arguments(parser: ArgumentParser) -> Namespace:
    """The command line's arguments, where the config may follow ``--check``.

    argparse would take it for the value of ``--check``.
    """
    words = sys.argv[1:]
    following = [*words[1:], '']
    return parser.parse_args(
        '--check=quick' if word == '--check' and after not in CHECKS else word
        for word, after in zip(words, following, strict=False)
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


def check_work_dir(name: str | Path, option: str = '--work-dir') -> None:
    """Raise RequestError if there can be no folder of that name."""
    path = Path(name).absolute()
    there = next(place for place in (path, *path.parents) if os.path.lexists(place))
    if not there.is_dir():
        raise RequestError(
            f'work dir {name}: {there} is no folder: name another {option}'
        )


def load_config(args: Namespace) -> Config:
    """Read the config and apply the shared arguments; errors as :func:`read_config`."""
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    default_work_dir = Path('work_dirs') / Path(args.config).stem
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(default_work_dir)
    check_work_dir(cfg.work_dir)
    return cfg
