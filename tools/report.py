"""Compare evaluated runs: COCO's figures with intervals, errors, curves, one page."""

import sys

from eca_mm.cli.report import main
from eca_mm.engine import exit_status

if __name__ == '__main__':
    sys.exit(exit_status(main))
