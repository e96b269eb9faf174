"""Evaluate a checkpoint: MMDetection's test command, with a check before it starts."""

import sys

from eca_mm_start import run

if __name__ == '__main__':
    sys.exit(run('test'))
