"""Keep Python's garbage collector away from what a command imports."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Import without collecting garbage, and exclude what was imported from later runs.

    MMDetection and what it needs are 450000 objects. Collecting while they are imported
    takes a sixth of the 11 s of CPU time that this takes, and each later search 0.4 s:
    mmengine asks for one with every data set that it builds (AMD EPYC).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # once: later garbage would never be collected
            gc.freeze()
        if was_on:
            gc.enable()
