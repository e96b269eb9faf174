"""Write a detector, or its backbone and neck, as an ONNX file, and check the file."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from eca_mm.engine.arguments import add_settings, find_config
from eca_mm.errors import RequestError

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

Batch norms are folded into the convolutions.

--whole writes the heads, too, of Faster R-CNN, Mask R-CNN and RetinaNet: from pixels
(uint8, RGB) to boxes, scores, labels and masks, which eca-mm infer runs without torch.
The file is compared with mmdet, one image at a time and all together, before it is put
in place. docs/deploy.md tells what is in it.
"""
EPILOG = """\
needs: pip install "eca_mm[export]"

example:
  python tools/export_onnx.py configs/eca_faster_rcnn_r50.py \\
      work_dirs/eca_faster_rcnn_r50/epoch_12.pth eca_faster_rcnn_r50.onnx
  python tools/export_onnx.py configs/eca_faster_rcnn_r50.py \\
      work_dirs/eca_faster_rcnn_r50/epoch_12.pth whole.onnx --whole --image a.jpg
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
    add_whole(parser)
    add_settings(parser)
    args = parser.parse_args()
    check(args)
    return args


def add_whole(parser: argparse.ArgumentParser) -> None:
    """What the export of a whole detector can be asked for."""
    add = parser.add_argument
    add('--whole', action='store_true', help='from pixels to detections, see above')
    add(
        '--image',
        nargs='+',
        metavar='FILE',
        help='images of your data for the check of --whole (default: noise, of which '
        'a trained model is not sure)',
    )
    add(
        '--fp16', action='store_true', help='write OUT_fp16.onnx as well, half as large'
    )
    add(
        '--int8',
        nargs='+',
        metavar='FILE',
        help='write OUT_int8.onnx as well, with ranges by these images (some tens, not '
        'those of the test)',
    )


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
    only_whole = dict(image=args.image, fp16=args.fp16, int8=args.int8)
    for name, value in only_whole.items():
        if value and not args.whole:
            raise RequestError(f'--{name} is of whole detectors: give --whole, too')
    check_shape(args.shape, 32 if args.whole else MIN_SIDE)
    args.config = find_config(args.config)
    check_checkpoint(args.checkpoint)
