"""Count parameters and GFLOPs of configs, or of the rows of the paper's tables."""

import sys

from eca_mm_start import run

if __name__ == '__main__':
    sys.exit(run('complexity'))
