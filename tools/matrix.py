#!/usr/bin/env python3
"""Install and test every combination of Python, torch and stack that is supported.

The package combinations/ beside this file does the work, with the standard library
alone; tools/install.py makes the environments.
"""

import sys

from combinations.cli import main

if __name__ == '__main__':
    sys.exit(main())
