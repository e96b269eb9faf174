"""Show what the channel gates of a trained model have learned, on labelled images."""

import sys

from eca_mm_start import run

if __name__ == '__main__':
    sys.exit(run('visualize'))
