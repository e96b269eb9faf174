"""What a tool says on stderr: whole lines, by the first rank alone."""

import os
import sys
from contextlib import suppress

from .ranks import is_first_rank


def say(line: str) -> None:
    if is_first_rank():
        print_line(line)


def print_line(line: str) -> None:
    """One line whatever it quotes; a terminal that is gone is no reason to fail."""
    with suppress(OSError, ValueError):
        print(' '.join(line.split()), file=sys.stderr, flush=True)


def leave_terminal() -> None:
    """Let Python end in peace when what it has printed cannot be written any more.

    It flushes stdout at its end, and takes a failure for its own: exit status 120.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
