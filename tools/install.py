#!/usr/bin/env python3
"""Make the environment that eca_mm runs in, mmcv's compiled operators included.

The package installer/ beside this file does the work. This file keeps to what Python 2
can read: there too a Python that is too old gets one line, and no SyntaxError.
Exit status: 0 done, 2 something to fix, told in one line.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036  (before what an older one cannot import)
    sys.stderr.write(
        'install.py: Python {}.{} is too old: run this script with Python 3.11, for '
        'example python3.11 tools/install.py\n'.format(*sys.version_info)
    )
    sys.exit(2)

from installer.cli import main

if __name__ == '__main__':
    sys.exit(main())
