"""Convert published weights: the authors', timm's, mmpretrain's, torchvision's."""

import sys

from eca_mm_start import run

if __name__ == '__main__':
    sys.exit(run('convert'))
