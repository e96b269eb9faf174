"""Run a trained detector on images and videos."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from eca_mm.engine.arguments import find_config
from eca_mm.errors import RequestError

from .common import check_checkpoint, parser_of

PACKAGES = dict(onnxruntime='onnxruntime', numpy='numpy', PIL='pillow')
MODEL = """\
checkpoint file of a trained detector, or an ONNX file by "export --whole", which needs
neither torch nor MMDetection: pip install "eca_mm[runtime]"
"""
EPILOG = """\
It writes to DIR: pictures/ (each image, and each video as .mp4, with boxes and masks),
detections.csv (one line each), results.json (all detections, of any score, in COCO's
result format) and images.json (its images and categories, in COCO's format without
annotations). If it is interrupted, they have what was found until then.

examples:
  python tools/infer.py work_dirs/eca_faster_rcnn_r18/epoch_5.pth data/digits/val
  python tools/infer.py model.onnx data/digits/val
  python tools/infer.py epoch_12.pth 'street/*.jpg' drive.mp4 --out found --batch 8
"""


def parse_args() -> argparse.Namespace:
    parser = parser_of(__doc__, EPILOG)
    add = parser.add_argument
    add('model', metavar='MODEL', help=MODEL)
    add(
        'inputs',
        nargs='+',
        metavar='INPUT',
        help='image, video, folder of them, or a quoted pattern of names',
    )
    add('--config', metavar='C', help='config file (default: that in the checkpoint)')
    add('--out', default='work_dirs/infer', metavar='DIR', help='default: %(default)s')
    add(
        '--score-thr',
        type=float,
        default=0.3,
        metavar='S',
        help='lowest score in pictures and detections.csv (default: %(default)s)',
    )
    add('--batch', type=int, default=1, metavar='N', help='images at a time')
    add('--device', metavar='D', help='such as cpu or cuda:1 (default: a GPU if any)')
    add(
        '--ann',
        metavar='FILE',
        help='COCO file whose ids of images (by the ends of paths) and categories (by '
        'name) results.json is to have, so that it can be evaluated with it; default: '
        '1, 2, ... in the order of images.json',
    )
    args = parser.parse_args()
    check(args)
    return args


def check(args: argparse.Namespace) -> None:
    """What is wrong at first sight, before anything is imported that takes long."""
    if not 0 <= args.score_thr <= 1:
        raise RequestError(f'--score-thr {args.score_thr}: give one from 0 to 1')
    if args.batch < 1:
        raise RequestError(f'--batch {args.batch}: give at least 1')
    check_checkpoint(args.model)
    if args.model.endswith('.onnx'):
        check_onnx(args)
    elif args.config:
        args.config = find_config(args.config)
    if args.ann and not Path(args.ann).is_file():
        raise RequestError(f'--ann {args.ann}: there is no such file')


def check_onnx(args: argparse.Namespace) -> None:
    """Raise RequestError if a file cannot be run, or is not to be asked for more."""
    for package, name in PACKAGES.items():
        if find_spec(package) is None:
            raise RequestError(
                f'{name} is not installed: pip install "eca_mm[runtime]"'
            )
    if not Path(args.model).is_file():
        raise RequestError(f'{args.model}: not a file: give an ONNX file')
    if args.config:
        raise RequestError('--config is of checkpoints: an ONNX file tells its own')
