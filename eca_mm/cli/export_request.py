"""Write the backbone and neck of a detector as an ONNX file, and check the file."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from eca_mm.engine.arguments import add_settings, find_config
from eca_mm.engine.errors import RequestError

from .common import check_checkpoint, check_shape, parser_of

PACKAGES = ('onnx', 'onnxscript', 'onnxruntime')  # as eca_mm/export.py needs
MIN_SIDE = 256  # RetinaNet's last map has a stride of 128, and is to be 2 pixels large
DESCRIPTION = """\
Write the backbone and neck of a detector as an ONNX file, and check the file in
onnxruntime against torch at three batches and sizes of images.

input    image: float32 (batch, 3, height, width), all but the 3 free (1 for a model of
         grey images); what the config's data_preprocessor gives: normalised, and padded
         with zeros to the right and below to multiples of its pad_size_divisor. The
         file's metadata tell channel_order, mean, std and pad_size_divisor. Other sizes
         work too.
outputs  level_0, level_1, ...: the neck's feature maps from fine to coarse; the
         metadata tell their strides.

Batch norms are folded into the convolutions. The heads are not exported.
"""
EPILOG = """\
needs: pip install "eca_mm[export]"

example:
  python tools/export_onnx.py configs/eca_faster_rcnn_r50.py \\
      work_dirs/eca_faster_rcnn_r50/epoch_12.pth eca_faster_rcnn_r50.onnx
"""


def parse_args() -> argparse.Namespace:
    parser = parser_of(DESCRIPTION, EPILOG)
    parser.add_argument('config', help='config file of a detector')
    parser.add_argument(
        'checkpoint', help='checkpoint file, or ecanet-coco://NAME, of that detector'
    )
    parser.add_argument('out', type=Path, help='the file to write, a .onnx')
    parser.add_argument(
        '--opset',
        type=int,
        metavar='N',
        help="version of ONNX's operators (default: the exporter's)",
    )
    parser.add_argument(
        '--shape',
        nargs=2,
        type=int,
        default=(640, 480),
        metavar=('W', 'H'),
        help='size of the image, in pixels, that the export runs on and that the check '
        'begins with; the file takes any (default: 640 480)',
    )
    add_settings(parser)
    args = parser.parse_args()
    check(args)
    return args


def check(args: argparse.Namespace) -> None:
    """Refuse what can be told before anything is read."""
    for package in PACKAGES:
        if find_spec(package) is None:
            raise RequestError(
                f'{package} is not installed: pip install "eca_mm[export]"'
            )
    if args.out.suffix != '.onnx':
        raise RequestError(f'{args.out}: the name must end in .onnx')
    if not args.out.parent.is_dir() or args.out.is_dir():
        raise RequestError(f'{args.out}: give a file in a folder that exists')
    check_shape(args.shape, MIN_SIDE)
    args.config = find_config(args.config)
    check_checkpoint(args.checkpoint)
