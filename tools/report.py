"""Compare evaluated runs: COCO's figures with intervals, errors, curves, one page."""

import sys

from eca_mm_start import run

if __name__ == '__main__':
    sys.exit(run('report'))
