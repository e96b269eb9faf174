"""Convert published weights: the authors', timm's, mmpretrain's, torchvision's."""

import argparse
from pathlib import Path

from eca_mm.engine.arguments import find_config
from eca_mm.errors import RequestError

from .common import check_checkpoint, parser_of

# As eca_mm/checkpoints/layouts.py has them.
LAYOUTS = ('ecanet', 'mmdet-v1', 'timm', 'mmpretrain', 'torchvision')
DESCRIPTION = """\
Give published weights the names that the backbones and detectors here have, and say
which config they belong to. The file is read as data: nothing in it can run.

layouts:
  ecanet       the authors' ImageNet files: ECA-ResNet 18 to 152, ECA-MobileNetV2
  mmdet-v1     detectors of MMDetection 1.x, such as the authors' COCO files
  timm         ecaresnet50d, ecaresnet101d, seresnet18 to 152
  mmpretrain   SE-ResNet and ResNet, and our own backbones trained there
  torchvision  plain ResNet
"""
EPILOG = """\
examples:
  python tools/convert_checkpoint.py eca_resnet50_k3557.pth.tar eca_resnet50.pth
  python tools/convert_checkpoint.py model.safetensors ecaresnet50d.pth --layout timm
  python tools/convert_checkpoint.py eca_resnet50_k3557.pth.tar eca_resnet50.pth \\
      --config configs/eca_faster_rcnn_r50.py
  python tools/convert_checkpoint.py eca_resnet50_k3557.pth.tar eca_resnet50_k5.pth \\
      --kernel-sizes 5 5 5 5
"""


def parse_args() -> argparse.Namespace:
    parser = parser_of(DESCRIPTION, EPILOG)
    parser.add_argument('source', help='the published file')
    parser.add_argument('out', type=Path, help='the file to write, a .pth')
    parser.add_argument(
        '--layout',
        choices=['auto', *LAYOUTS],
        default='auto',
        help='what the source has to be (default: find out)',
    )
    parser.add_argument(
        '--kernel-sizes',
        nargs='+',
        type=int,
        metavar='K',
        help="ECA's kernel sizes to make, one a stage: taps of zero are added at the "
        'ends, which changes nothing, or the end taps are cut',
    )
    after = parser.add_mutually_exclusive_group()
    after.add_argument(
        '--config',
        help='config of a detector: report what the weights give it, and refuse '
        'weights of another architecture',
    )
    after.add_argument(
        '--keep-classifier',
        action='store_true',
        help='make it a classifier of mmpretrain (backbone.* and head.fc.*)',
    )
    args = parser.parse_args()
    if args.config:
        args.config = find_config(args.config)
    if '://' in args.source:
        raise RequestError(
            f'{args.source}: give a file; what ecanet:// names is converted as it is '
            'loaded, wherever a checkpoint is named'
        )
    check_checkpoint(args.source)
    args.source = Path(args.source)
    if args.out.exists() and args.out.samefile(args.source):
        raise RequestError(f'{args.out} is the source itself: give another name')
    return args
