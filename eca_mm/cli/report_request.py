"""Compare evaluated runs: COCO's figures with intervals, errors, curves, one page."""

import argparse
from pathlib import Path

from eca_mm.errors import RequestError
from eca_mm.report.groups import read_groups
from eca_mm.report.runs import ReportError

from .common import parser_of

EPILOG = """\
A work dir is one that tools/train.py or tools/test.py wrote: it holds the predictions,
the logs and the config. It may be anyone's: nothing in it is run, and files outside of
it are read only where --ann and --images name them.

OUT gets index.html (one file, works without a network), report.md, and in report_data/
the numbers behind every figure.

Several runs of one model, with a seed each, are a group: NAME=RUN,RUN,RUN. Its figures
are means over the seeds, and intervals hold the luck of images and of training. With
one run a side they hold that of the images only, and the report says so. AP is the
figure to judge by, at 5 %; all other differences share 2 %: see docs/statistics.md.

examples:
  python tools/report.py none=runs/none_0,runs/none_1,runs/none_2 \\
      ECA=runs/eca_0,runs/eca_1,runs/eca_2 --margin 0.5 --ann FILE
  python tools/report.py work_dirs/eca_faster_rcnn_r50 \\
      --ann data/coco/annotations/instances_val2017.json --images data/coco/val2017
  python tools/report.py none=work_dirs/study/none/seed_0 \\
      eca=work_dirs/study/ECA/seed_0 --ann data/digits/annotations/instances_val.json
  python tools/report.py ours=a.bbox.json theirs=b.json --baseline theirs \\
      --ann data/coco/annotations/instances_val2017.json
"""


def parse_args() -> argparse.Namespace:
    parser = parser_of(__doc__, EPILOG)
    parser.add_argument(
        'runs', nargs='+', metavar='[NAME=]RUN[,RUN ...]',
        help='a work dir, or a file of detections in COCO result format; or several, '
        'the seeds of one model',
    )  # fmt: skip
    parser.add_argument(
        '--baseline', metavar='NAME',
        help='run or group that the others are compared with (default: the first)',
    )  # fmt: skip
    parser.add_argument(
        '--ann', type=Path, metavar='FILE',
        help='COCO annotation file the runs were evaluated on (default: the one in '
        'the work dir)',
    )  # fmt: skip
    parser.add_argument(
        '--images', type=Path, metavar='DIR',
        help='folder of the images, to show some (default: the one in the work dir)',
    )  # fmt: skip
    parser.add_argument(
        '--out', type=Path, metavar='OUT',
        help='folder to write to (default: the work dir of a single run, else '
        'work_dirs/report)',
    )  # fmt: skip
    parser.add_argument(
        '--replicates', type=int, default=1000, metavar='N',
        help='draws of the images behind the intervals (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--seed', type=int, default=0, help='of the draws (default: %(default)s)'
    )
    parser.add_argument(
        '--margin', type=float, metavar='POINTS',
        help='also say whether AP is equivalent within so many points, such as 0.5',
    )  # fmt: skip
    args = parser.parse_args()
    for name, least in (('replicates', 2), ('seed', 0)):
        if getattr(args, name) < least:
            parser.error(f'--{name} must be at least {least}')
    try:
        read_groups(args.runs)  # that they are there, before all else is imported
    except ReportError as error:
        raise RequestError(str(error)) from error
    return args
