"""Load foreign files as data: tensors and plain values, and no code that runs.

torch >= 2.6 loads files with ``weights_only=True`` and refuses every class it does not
know, so mmengine 0.10.7 cannot read its own checkpoints: their message hub keeps
``HistoryBuffer`` objects on numpy arrays. These few are allowed for every
``torch.load``, and no more is. numpy's own constructors are not data: an array of
objects over bytes of the file reads them as addresses. So stand-ins take their names,
which build arrays of float64 and int64 only.
"""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

STATISTICS = ('current', 'max', 'mean', 'min')
numpy_core = getattr(np, '_core', None) or np.core  # renamed in numpy 2


def history_statistic(owner: type, name: str) -> Callable:
    """Stand in for the ``getattr`` by which a HistoryBuffer pickles its statistics.

    The real one would let a file reach any attribute of any allowed object.

    Raises:
        ValueError: Anything but one of the buffer's own four statistics is asked for.
    """
    if owner is not HistoryBuffer or name not in STATISTICS:
        raise ValueError(f'checkpoint asks for {name!r} of {owner!r}: refused')
    return getattr(HistoryBuffer, name)


def empty_array(*args) -> np.ndarray:
    """Stand in for numpy's ``_reconstruct``; shape and content follow in the file."""
    return np.empty(0, np.int8)


def number_type(name: str, *args) -> np.dtype:
    """Stand in for ``numpy.dtype``; numpy lets no file alter the one it returns.

    Raises:
        ValueError: Anything but float64 and int64 is asked for.
    """
    if name not in ('f8', 'i8'):
        raise ValueError(f'checkpoint asks for numpy.dtype({name!r}): refused')
    return np.dtype(name)


def ndarray(*args) -> None:
    """Stand in for ``numpy.ndarray``, which files name only for :func:`empty_array`.

    Raises:
        ValueError: A file calls it.
    """
    raise ValueError('checkpoint asks for numpy.ndarray(...): refused')


MMENGINE_GLOBALS = [
    HistoryBuffer,
    (history_statistic, 'builtins.getattr'),
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
    (np.dtypes.Float64DType, 'float64'),
    (np.dtypes.Int64DType, 'int64'),
]

if hasattr(torch.serialization, 'add_safe_globals'):
    torch.serialization.add_safe_globals(MMENGINE_GLOBALS)


class CheckpointError(ValueError):
    """A file cannot be used: one line that says what is wrong and how to mend it."""


def load_file(path: str | Path) -> object:
    """What a checkpoint file holds, on the CPU.

    Args:
        path: File of ``torch.save``, new or legacy, or a ``.safetensors`` file.

    Raises:
        CheckpointError: It is missing, damaged, no checkpoint, or asks for more than
            tensors and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f'checkpoint {path} not found: give the path of a file')
    try:
        with path.open('rb') as file:
            start = file.read(512)
    except OSError as error:
        raise CheckpointError(
            f'checkpoint {path} cannot be read ({error.strerror}): see to its owner, '
            'its permissions and its disk'
        ) from error
    web_page = re.match(rb'\s*<(!doctype|html|\?xml)', start, re.IGNORECASE)
    if web_page or not start:
        raise CheckpointError(
            f'checkpoint {path} is {"a web page" if web_page else "empty"}, not '
            'weights: download it again, in a browser if the site asks to confirm'
        )
    read = read_safetensors if path.suffix == '.safetensors' else read_torch
    try:
        return read(path)
    except CheckpointError:
        raise
    except Exception as error:  # damaged bytes can raise anything
        raise CheckpointError(f'checkpoint {path} {reason(error)}') from error


def read_torch(path: Path) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # of unusual pickle protocols
        return torch.load(path, map_location='cpu', weights_only=True)


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        from safetensors.torch import load_file as read
    except ImportError:
        raise CheckpointError(
            f'checkpoint {path} needs the package safetensors: pip install safetensors'
        ) from None
    return read(path)


def reason(error: Exception) -> str:
    """What is wrong with a file, in place of torch's advice to load it unsafely."""
    text = str(error)
    refused = re.search(r'GLOBAL (\S+)|asks for (.+): refused', text)
    if refused:
        return (
            f'asks for {refused[1] or refused[2]}, which could run code, and is '
            'refused: get a file of tensors and plain values only'
        )
    inner = re.search(r'WeightsUnpickler error:\s*(.+)', text)
    line = inner[1] if inner else (text.splitlines() or [''])[0]
    return (
        f'is damaged or not a checkpoint ({type(error).__name__}: {line}): download or '
        'save it again'
    )
