"""Show what the channel gates of a trained model have learned, on labelled images."""

import sys

from eca_mm.cli.visualize import main
from eca_mm.engine import exit_status

if __name__ == '__main__':
    sys.exit(exit_status(main))
