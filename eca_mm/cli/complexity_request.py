"""Count parameters and GFLOPs of configs, or of the rows of the paper's tables."""

import argparse

from eca_mm.engine.arguments import find_config

from .common import check_shape, parser_of

TABLES = (2, 3, 5)  # of the paper, that eca_mm/analysis/paper_columns.py knows
FORMATS = ('table', 'markdown', 'csv', 'json')
EPILOG = """\
examples:
  python tools/complexity.py configs/faster_rcnn_r50.py configs/eca_faster_rcnn_r50.py
  python tools/complexity.py configs/eca_retinanet_r50.py --shape 1333 800 --format csv
  python tools/complexity.py --paper-table 5
"""


def parse_args() -> argparse.Namespace:
    parser = parser_of(__doc__, EPILOG)
    parser.add_argument('configs', nargs='*', help='config files')
    parser.add_argument(
        '--paper-table',
        type=int,
        choices=TABLES,
        help="set each row of the paper's table beside our count; exit status 1 if a "
        'figure differs and is not a known difference',
    )
    parser.add_argument(
        '--convention',
        choices=['host', 'paper'],
        default='host',
        help="host: mmengine's counter; paper: mmcv's, with the heads of MMDetection "
        '1.x and 1000 proposals (default: %(default)s)',
    )
    parser.add_argument(
        '--shape',
        nargs=2,
        type=int,
        default=(1280, 800),
        metavar=('W', 'H'),
        help='size of the image in pixels (default: 1280 800)',
    )
    parser.add_argument(
        '--format', choices=FORMATS, default='table', help='default: %(default)s'
    )
    args = parser.parse_args()
    if bool(args.configs) == (args.paper_table is not None):
        parser.error('give config files or --paper-table')
    check_shape(args.shape)
    for config in args.configs:
        find_config(config)
    return args
