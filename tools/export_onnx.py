"""Write the backbone and neck of a detector as an ONNX file, and check the file."""

import sys

from eca_mm.cli.export import main
from eca_mm.engine import exit_status

if __name__ == '__main__':
    sys.exit(exit_status(main))
