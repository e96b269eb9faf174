"""Load foreign files as data: tensors and plain values, and no code that runs.

torch >= 2.6 loads files with ``weights_only=True`` and refuses every class it does not
know, so mmengine 0.10.7 cannot read its own checkpoints: their message hub keeps
``HistoryBuffer`` objects on numpy arrays. These few are data and run no code; they are
allowed for every ``torch.load``, and no more is.
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


MMENGINE_GLOBALS = [
    HistoryBuffer,
    (history_statistic, 'builtins.getattr'),
    numpy_core.multiarray._reconstruct,
    numpy_core.multiarray.scalar,
    np.ndarray,
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Int64DType,
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
    with path.open('rb') as file:
        start = file.read(512)
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
    refused = re.search(r'GLOBAL (\S+)', text)
    if refused:
        return (
            f'asks for {refused[1]}, which could run code, and is refused: get a file '
            'of tensors and plain values only'
        )
    inner = re.search(r'WeightsUnpickler error:\s*(.+)', text)
    line = inner[1] if inner else (text.splitlines() or [''])[0]
    return (
        f'is damaged or not a checkpoint ({type(error).__name__}: {line}): download or '
        'save it again'
    )
