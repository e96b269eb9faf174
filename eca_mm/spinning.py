"""How long OpenMP's threads spin while they wait for each other, on a busy machine."""

import os
import sys

# GNU's OpenMP, which torch's wheels for Linux bring, lets a thread that waits spin
# 300000 times, for milliseconds, and so keep a core from whoever has work to do.
# With one other busy process on two cores an iteration of the digits took 5 s with that
# and 1.5 s with short spins; on idle cores 0.43 s with either (AMD EPYC).
SPINS = {'GOMP_SPINCOUNT': '3000'}
# Whoever has set one of these has thought about it.
OF_THE_USER = ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')
set_here: dict[str, str] = {}  # what this process has set itself


def spin_briefly() -> None:
    """Have the OpenMP of this process and of those it starts sleep soon.

    For our commands alone: the process of somebody who imports this package is theirs.
    Nothing is set where torch, which reads the setting, has been imported already.
    """
    if 'torch' in sys.modules or any(name in os.environ for name in OF_THE_USER):
        return
    os.environ.update(SPINS)
    set_here.update(SPINS)
