"""Loops as machine code, which is compiled once and not in every process."""

from collections.abc import Callable

from numba import njit


def compiled(**options) -> Callable[[Callable], Callable]:
    """numba's ``njit``, whose code is kept in a file.

    The report of a run spent two thirds of its 20 s of CPU time in compiling (AMD
    EPYC). numba keeps it in ``__pycache__`` beside the module, or in the user's folder
    for caches, and compiles anew when the module changes.
    """

    def decorate(function: Callable) -> Callable:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # neither folder can be written to
            return njit(**options)(function)

    return decorate
