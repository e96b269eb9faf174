"""Run a trained detector on images and videos, and write what it finds."""

import sys

from eca_mm_start import run

if __name__ == '__main__':
    sys.exit(run('infer'))
