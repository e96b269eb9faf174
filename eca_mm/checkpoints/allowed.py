"""The few classes and functions that a checkpoint may name, beside torch's own.

torch >= 2.6 loads files with ``weights_only=True`` and rejects every class it does not
know, so mmengine 0.10.7 cannot read its own checkpoints: their message hub keeps
``HistoryBuffer`` objects on numpy arrays, and OneCycle's schedulers one of their
methods. These are allowed for every ``torch.load``, and no more is. numpy's own
constructors are not data: an array of objects over bytes of the file reads them as
addresses. So stand-ins take their names, which build arrays of numbers only.
"""

from collections.abc import Callable

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler

NUMBERS = ('b1', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f2', 'f4', 'f8')
numpy_core = getattr(np, '_core', None) or np.core  # renamed in numpy 2


def one_cycle(*args) -> None:
    """Stand in for OneCycleParamScheduler, which files name for its methods only.

    Raises:
        ValueError: A file calls it.
    """
    raise ValueError('checkpoint asks for OneCycleParamScheduler(...): rejected')


# What a file may ask of what; mmengine pickles these by getattr.
ATTRIBUTES = {
    HistoryBuffer: (HistoryBuffer, ('current', 'max', 'mean', 'min')),
    one_cycle: (OneCycleParamScheduler, ('_annealing_cos', '_annealing_linear')),
}


def attribute(owner: Callable, name: str) -> Callable:
    """Stand in for ``getattr``, by which methods are pickled.

    The real one would let a file reach any attribute of any allowed object.

    Raises:
        ValueError: Anything but the methods of ATTRIBUTES is asked for.
    """
    real, names = ATTRIBUTES.get(owner, (None, ())) if callable(owner) else (None, ())
    if name not in names:
        raise ValueError(f'checkpoint asks for {name!r} of {owner!r}: rejected')
    return getattr(real, name)


def empty_array(*args) -> np.ndarray:
    """Stand in for numpy's ``_reconstruct``; shape and content follow in the file."""
    return np.empty(0, np.int8)


def number_type(name: str, *args) -> np.dtype:
    """Stand in for ``numpy.dtype``; numpy lets no file alter the one it returns.

    Raises:
        ValueError: Anything but a plain number is asked for.
    """
    if name not in NUMBERS:
        raise ValueError(f'checkpoint asks for numpy.dtype({name!r}): rejected')
    return np.dtype(name)


def ndarray(*args) -> None:
    """Stand in for ``numpy.ndarray``, which files name only for :func:`empty_array`.

    Raises:
        ValueError: A file calls it.
    """
    raise ValueError('checkpoint asks for numpy.ndarray(...): rejected')


MMENGINE_GLOBALS = [
    HistoryBuffer,
    (attribute, 'builtins.getattr'),
    (one_cycle, f'{OneCycleParamScheduler.__module__}.OneCycleParamScheduler'),
    (ndarray, 'numpy.ndarray'),
    (number_type, 'numpy.dtype'),
    # As numpy 2 writes them and as numpy 1 does.
    *(
        (stand_in, f'numpy.{core}.multiarray.{name}')
        for core in ('_core', 'core')
        for name, stand_in in (
            ('_reconstruct', empty_array),
            ('scalar', numpy_core.multiarray.scalar),
        )
    ),
    # These may take the content that a file has for them. A file cannot name them:
    # the names that it asks for have a dot.
    (np.ndarray, 'array'),
    *((type(np.dtype(name)), name) for name in NUMBERS),
]

if hasattr(torch.serialization, 'add_safe_globals'):
    torch.serialization.add_safe_globals(MMENGINE_GLOBALS)
