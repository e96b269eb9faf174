"""Measure what attention costs: time, memory, and bytes kept for the backward pass."""

import sys

from eca_mm_start import run

if __name__ == '__main__':
    sys.exit(run('benchmark'))
