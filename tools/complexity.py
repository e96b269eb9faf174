"""Count parameters and GFLOPs of configs, or of the rows of the paper's tables."""

import sys

from eca_mm.cli.complexity import main
from eca_mm.engine import exit_status

if __name__ == '__main__':
    sys.exit(exit_status(main))
