"""What the test command can be asked for."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from eca_mm.engine.arguments import (
    add_check_arguments,
    add_config_arguments,
    parse_arguments,
)
from eca_mm.errors import RequestError

from .common import add_processes, as_called, check_checkpoint, checked

SUFFIXES = ('.pkl', '.pickle', '.json')  # that eca_mm/evaluation/dump.py writes


def parse_args() -> Namespace:
    parser = ArgumentParser(
        description='Evaluate a checkpoint with COCO metrics; predictions, '
        'results.json and the report (index.html, report.md) go to the work dir.',
        epilog=as_called(
            'example: python tools/test.py configs/eca_faster_rcnn_r50.py '
            'work_dirs/eca_faster_rcnn_r50/epoch_12.pth'
        ),
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_config_arguments(parser)
    add_check_arguments(parser)
    parser.add_argument(
        '--out',
        metavar='FILE',
        help='keep the raw predictions in F.pkl, as MMDetection does for its own '
        'tools, or in F.json, in COCO result format, which tools/report.py reads',
    )
    parser.add_argument('--show', action='store_true', help='show each prediction')
    parser.add_argument(
        '--show-dir', metavar='DIR', help='save painted images to WORK_DIR/time/DIR'
    )
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds between shown images'
    )
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation: also flipped images'
    )
    parser.add_argument(
        '--fuse',
        action='store_true',
        help='fold batch norms into the convolutions before them (MMDetection 2.x: '
        '--fuse-conv-bn): faster, and equal but for rounding; other norms stay',
    )
    add_processes(parser)
    args = checked(parse_arguments(parser))
    if args.out:
        check_out(Path(args.out))
    if not (args.check or args.json):  # else it is one finding of several
        check_checkpoint(args.checkpoint)
    return args


def check_out(out: Path) -> None:
    """Raise RequestError now, and not after an evaluation of hours."""
    if out.suffix not in SUFFIXES:
        raise RequestError(f'--out {out}: the name must end in {", ".join(SUFFIXES)}')
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise RequestError(f'--out {out}: folder {out.parent} cannot be written to')
    if out.is_dir():
        raise RequestError(f'--out {out} is a folder: give the name of a file')
