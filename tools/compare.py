"""Compare rows over seeds: train, test and report all of them, as one campaign."""

import sys

from eca_mm.cli.compare import main
from eca_mm.engine import exit_status

if __name__ == '__main__':
    sys.exit(exit_status(main))
