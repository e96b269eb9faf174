"""Measure what attention costs: time, memory, and bytes kept for the backward pass."""

import sys

from eca_mm.cli.benchmark import main
from eca_mm.engine import exit_status

if __name__ == '__main__':
    sys.exit(exit_status(main))
