"""Train a detector: MMDetection's train command, with a check before it starts."""

import sys

from eca_mm.cli.train import main
from eca_mm.engine import exit_status

if __name__ == '__main__':
    sys.exit(exit_status(main))
