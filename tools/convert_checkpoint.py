"""Convert published weights: the authors', timm's, mmpretrain's, torchvision's."""

import sys

from eca_mm.cli.convert import main
from eca_mm.engine import exit_status

if __name__ == '__main__':
    sys.exit(exit_status(main))
