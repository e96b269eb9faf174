"""Evaluate a checkpoint: MMDetection's test command, with a check before it starts."""

import sys

from eca_mm.cli.test import main
from eca_mm.engine import exit_status

if __name__ == '__main__':
    sys.exit(exit_status(main))
