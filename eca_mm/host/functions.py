"""Bend a function of the host without touching the host's module."""

from collections.abc import Callable
from types import FunctionType


def with_names(function: Callable, **names) -> Callable:
    """The same function, in which some global names mean something else.

    The host's module stays as it is, and its code is not copied.

    Raises:
        NameError: The function does not use one of the names.
    """
    unused = names.keys() - set(function.__code__.co_names)
    if unused:
        raise NameError(f'{function.__qualname__} does not use {", ".join(unused)}')
    same = FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        argdefs=function.__defaults__,
        closure=function.__closure__,
    )
    same.__kwdefaults__ = function.__kwdefaults__
    return same
