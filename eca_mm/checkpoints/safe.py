"""What mmengine's checkpoints hold beside tensors, allowed in safe loading.

torch >= 2.6 loads files with ``weights_only=True`` and refuses every class it does not
know, so mmengine 0.10.7 cannot read its own checkpoints: their message hub keeps
``HistoryBuffer`` objects on numpy arrays. These few are data and run no code.
"""

from collections.abc import Callable

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
