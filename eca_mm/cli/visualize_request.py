"""Show what the channel gates of a trained model have learned, on labelled images."""

import argparse
from pathlib import Path

from eca_mm.engine.arguments import add_settings, find_config
from eca_mm.errors import RequestError

from .common import check_checkpoint, parser_of

SHOWN_CLASSES = 5  # lines in a plot
EPILOG = """\
It writes distribution.png, classes.png, channels.png and kernels.png, captions.json
which says how to read them, and their data: gates.csv (each channel of each layer:
mean, spread, separation of the classes), class_means.csv and kernels.csv.
tools/report.py shows the figures if they lie in WORK_DIR/attention.

examples:
  python tools/visualize_attention.py configs/eca_faster_rcnn_r50.py \\
      work_dirs/eca_faster_rcnn_r50/epoch_12.pth --classes person car dog
  python tools/visualize_attention.py configs/eca_faster_rcnn_r50.py \\
      ecanet://resnet50 --data pictures
"""


def parse_args() -> argparse.Namespace:
    parser = parser_of(__doc__, EPILOG)
    parser.add_argument('config', help='config file of a model with channel gates')
    parser.add_argument('checkpoint', help='checkpoint file, or ecanet://NAME')
    parser.add_argument(
        '--data',
        metavar='DIR',
        help='a folder with one folder of images a class (default: the test set of the '
        'config; an image counts in every class that it shows)',
    )
    parser.add_argument(
        '--num-images', type=int, default=500, help='how many are drawn (default 500)'
    )
    parser.add_argument(
        '--classes',
        nargs='+',
        metavar='NAME',
        help=f'classes in the figures (default: the {SHOWN_CLASSES} most '
        'frequent); the CSV files have all',
    )
    parser.add_argument(
        '--out', metavar='DIR', help='default: work_dirs/CONFIG/attention'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the draw of images')
    parser.add_argument('--device', help='default: cuda where there is a GPU, else cpu')
    add_settings(parser)
    args = parser.parse_args()
    args.config = find_config(args.config)
    check_checkpoint(args.checkpoint)
    if args.num_images < 1:
        raise RequestError(f'--num-images {args.num_images}: give at least 1')
    if args.data and not Path(args.data).is_dir():
        raise RequestError(f'images: {args.data} has no images: it is no folder')
    return args
