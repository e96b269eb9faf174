"""Compare rows over seeds: train, test and report all of them, as one campaign."""

import sys

from eca_mm_start import run

if __name__ == '__main__':
    sys.exit(run('compare'))
