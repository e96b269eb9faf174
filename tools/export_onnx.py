"""Write the backbone and neck of a detector as an ONNX file, and check the file."""

import sys

from eca_mm_start import run

if __name__ == '__main__':
    sys.exit(run('export'))
