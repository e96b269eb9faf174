"""exec() in a function writes its names where locals() reads them, as it once did.

Fault: the setup.py of mmcv up to 2.2.0 reads its version by exec(), and then from
locals(). Python 3.13 gives each of the two a dict of its own (PEP 667,
https://peps.python.org/pep-0667): "KeyError: '__version__'", before anything is built.
On the path of those who run that setup.py alone, by its name read at Python's start.
It can go when mmcv is not built from those versions, which onedl-mmcv's are not.
"""

import builtins
import sys

plain_exec = builtins.exec


def exec_where_called(source, globals=None, locals=None, /, **options) -> None:
    """exec() whose names are variables of the function that called it."""
    if globals is None:
        caller = sys._getframe(1)
        globals, locals = caller.f_globals, caller.f_locals  # it writes through
    plain_exec(source, globals, locals, **options)


builtins.exec = exec_where_called
