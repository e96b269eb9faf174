"""What the layouts share: tables of renamings, and layers that change their kind."""

import re
from collections.abc import Iterable

from torch import Tensor

from .safe import CheckpointError

State = dict[str, Tensor]


def rename(state: State, table: Iterable[tuple[str, str]]) -> State:
    """State dict with new keys: each (pattern, replacement) in turn, as ``re.sub``.

    A key that no pattern touches keeps its name; whether it belongs to the model is
    for :func:`eca_mm.checkpoints.architecture.backbone_config` to say.

    Raises:
        CheckpointError: Two keys become the same.
    """
    table = tuple(table)
    renamed = {}
    for key, tensor in state.items():
        new = key
        for pattern, replacement in table:
            new = re.sub(pattern, replacement, new)
        if new in renamed:
            raise CheckpointError(f'two tensors would be called {new}, one is {key}')
        renamed[new] = tensor
    return renamed


def flatten_se(state: State) -> State:
    """SE's 1x1 convolutions as the linear layers they are: (O, I, 1, 1) -> (O, I)."""
    return {
        key: tensor.flatten(1)
        if re.search(r'\.se\.fc[12]\.weight$', key) and tensor.shape[2:] == (1, 1)
        else tensor
        for key, tensor in state.items()
    }
