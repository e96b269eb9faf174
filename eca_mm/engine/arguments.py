"""Command-line arguments as in MMDetection, and the config that they name.

mmengine's config is imported late, so that wrong arguments are reported at once.
"""

from __future__ import annotations

import os
import sys
from argparse import Action, ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from eca_mm.errors import RequestError
from eca_mm.place import config_path

if TYPE_CHECKING:
    from mmengine.config import Config

CHECKS = ['quick', 'full']


class Settings(Action):
    """Collect KEY=VALUE words, over several options of the same name, too."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        wrong = next((word for word in values if '=' not in word), None)
        if wrong is not None:
            parser.error(f'{option_string} {wrong}: give KEY=VALUE')
        given = getattr(namespace, self.dest) or []
        setattr(namespace, self.dest, [*given, *values])


def add_settings(parser: ArgumentParser) -> None:
    """``--cfg-options``, as :func:`parsed` reads it."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=Settings,
        metavar='KEY=VALUE',
        help='override settings of the config, such as train_cfg.max_epochs=1 '
        'model.backbone.init_cfg=None; lists as key="[a,b]" or key=a,b',
    )


def parsed(settings: list[str] | None) -> dict:
    """KEY=VALUE words as mmengine reads them: dotted keys, values with a type.

    Raises:
        RequestError: One has no value, or brackets that do not close.
    """
    from mmengine.config import DictAction

    parser = ArgumentParser()
    parser.add_argument('setting', nargs=1, action=DictAction)
    found: dict = {}
    for word in settings or ():
        if '=' not in word:
            raise RequestError(f'--cfg-options {word}: give KEY=VALUE')
        try:
            found |= parser.parse_args(['--', word]).setting
        except AssertionError as error:  # mmengine's way to reject brackets
            reason = str(error).splitlines()[0]
            raise RequestError(f'--cfg-options {word}: {reason}') from error
    return found


def add_config_arguments(parser: ArgumentParser) -> None:
    """The arguments that MMDetection's train and test tools share."""
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help='where logs, checkpoints and the report go (default: work_dirs/CONFIG)',
    )
    add_settings(parser)
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
        help='only check config, data, weights, work dir and disk, and show every '
        'problem; "full" reads every image instead of a sample of 100. Exit status 0 '
        '(at most warnings) or 2',
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


def find_config(name: str) -> str:
    """The path of a config: of a file, or of ``eca_mm::NAME.py``.

    Raises:
        RequestError: There is no such file.
    """
    try:
        path = config_path(name)
    except ValueError as error:
        raise RequestError(f'config {name}: {error}') from None
    if not path.is_file():
        raise RequestError(
            f'config {name} not found: give the path of a config file, for example '
            'configs/eca_faster_rcnn_r50.py, or eca_mm::eca_faster_rcnn_r50.py'
        )
    return str(path)


def read_config(name: str, options: dict | None = None) -> Config:
    """Read a config and merge ``options`` into it.

    Raises:
        RequestError: The file is missing or is not a config, or an option does not fit.
    """
    from mmengine.config import Config

    path = find_config(name)
    try:
        cfg = Config.fromfile(path)
        cfg.merge_from_dict(options or {})
    except Exception as error:  # a config is code: anything can be raised
        raise RequestError(f'config {name}: {type(error).__name__}: {error}') from error
    return cfg


def check_work_dir(name: str | Path, option: str = '--work-dir') -> None:
    """Raise RequestError if a folder of that name cannot exist."""
    path = Path(name).absolute()
    there = next(place for place in (path, *path.parents) if os.path.lexists(place))
    if not there.is_dir():
        raise RequestError(
            f'work dir {name}: {there} is not a folder: name another {option}'
        )


def load_config(args: Namespace) -> Config:
    """Read the config and apply the shared arguments; errors as :func:`read_config`."""
    cfg = read_config(args.config, parsed(args.cfg_options))
    cfg.launcher = args.launcher
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    default_work_dir = Path('work_dirs') / config_path(args.config).stem
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(default_work_dir)
    check_work_dir(cfg.work_dir)
    return cfg
