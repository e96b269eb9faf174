"""Write the backbone and neck of a detector as an ONNX file, and check the file."""

import argparse
from importlib.util import find_spec
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm import export
from eca_mm.backbones.fold import describe
from eca_mm.engine import (
    RequestError,
    RunStopped,
    build_detector,
    read_config,
    refuse_problems,
)
from eca_mm.engine.weights import load_weights
from eca_mm.files import replaced

TOLERANCE = 1e-4  # relative to the largest value of an output; float32 leaves 1e-6
MIN_SIDE = 256  # RetinaNet's last map has a stride of 128, and is to be 2 pixels large
MAX_BYTES = 2**31 - 1  # of an ONNX file, which is one protobuf message
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
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config',
    )
    return parser.parse_args()


def check_request(args: argparse.Namespace) -> None:
    """Refuse what can be told before anything is read."""
    for package in export.PACKAGES:
        if find_spec(package) is None:
            raise RequestError(
                f'{package} is not installed: pip install "eca_mm[export]"'
            )
    if args.out.suffix != '.onnx':
        raise RequestError(f'{args.out}: the name must end in .onnx')
    if not args.out.parent.is_dir() or args.out.is_dir():
        raise RequestError(f'{args.out}: give a file in a folder that exists')
    if min(args.shape) < MIN_SIDE:
        raise RequestError(f'--shape {args.shape}: each side must be at least 256')


def load_features(cfg: Config, checkpoint: str) -> export.Features:
    """Backbone and neck with the weights of a checkpoint, in eval mode.

    Raises:
        RequestError: The config has none, or the checkpoint lacks a tensor of theirs.
    """
    features = export.Features(build_detector(cfg))
    load_weights(features, checkpoint)
    return features.train(False)


def export_features(
    features: export.Features, cfg: Config, args: argparse.Namespace
) -> None:
    """Write the file, unless the check fails."""
    width, height = args.shape
    folded, found = export.folded(features)
    print(f'{describe(found)}; exporting', flush=True)
    try:
        program = export.to_onnx(folded, height, width, args.opset)
    except ValueError as error:
        raise RequestError(f'--opset {args.opset}: {error}') from error
    except torch.onnx.OnnxExporterError as error:
        reason = (str(error).splitlines() or [''])[0]
        raise RunStopped(f'torch cannot export {cfg.filename}: {reason}') from error
    with torch.no_grad():
        outputs = features(torch.zeros(1, features.channels, height, width))
    strides = [round(height / output.shape[2]) for output in outputs]
    program.model.metadata_props.update(
        export.describe_input(cfg, features.channels, strides)
    )
    shapes = [
        (2, height, width),
        (1, height + 32, width - 64),
        (3, height // 2 + 5, width // 2 + 11),
    ]
    with replaced(args.out) as path:
        program.save(path)
        print('checking', flush=True)
        found = export.largest_difference(path, features, shapes)
        for shape, difference in found.items():
            print(f'  {shape}: {difference:.1e}')
        if not max(found.values()) <= TOLERANCE:  # NaN is no less
            raise RunStopped(
                f'onnxruntime differs from torch by more than {TOLERANCE} of the '
                f'largest value; {args.out} was not written'
            )


def main() -> None:
    args = parse_args()
    check_request(args)
    cfg = read_config(args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    cfg.load_from = args.checkpoint
    refuse_problems(cfg, splits=())
    features = load_features(cfg, args.checkpoint)
    export_features(features, cfg, args)
    print(args.out)
