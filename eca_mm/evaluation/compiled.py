"""Loops as machine code, which is compiled once and not in every process."""

from collections.abc import Callable
from contextlib import suppress
from pickle import UnpicklingError

from numba import njit
from numba.core.caching import FunctionCache

# A full disk or quota, files of another user; files that a crash has left short.
FAULTS = (OSError, EOFError, UnpicklingError)


class SpareCache(FunctionCache):
    """Files of machine code, without which a function is compiled and nothing fails.

    numba's own lets each of the faults end the call of the function.
    """

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except FAULTS:
            with suppress(*FAULTS):
                self.flush()  # what cannot be read is written again
            return None

    def save_overload(self, sig, data) -> None:
        with suppress(*FAULTS):
            super().save_overload(sig, data)


def compiled(**options) -> Callable[[Callable], Callable]:
    """numba's ``njit``, whose code is kept in a file.

    The report of a run spent two thirds of its 20 s of CPU time in compiling (AMD
    EPYC). numba keeps it in ``__pycache__`` beside the module, or in the user's folder
    for caches, and compiles again when the module changes.
    """

    def decorate(function: Callable) -> Callable:
        fast = njit(**options)(function)
        with suppress(RuntimeError):  # neither folder can be written to
            fast._cache = SpareCache(function)
        return fast

    return decorate
