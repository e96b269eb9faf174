"""Whether gates are scaled as they were when their weights were trained.

``identity_init=True`` doubles gates for good, and no tensor shows it: the version that
torch keeps for each module of a state dict does. Weights of others, and those that were
renamed on their way, have no version.
"""

import logging
from collections.abc import Collection, Iterator, Mapping

from torch import Tensor, nn

from eca_mm.layers.base import IdentityInit

from .load_report import some

DOUBLED_TEXT = (
    'GATES DOUBLED: {modules}: the model has identity_init=True, and these weights '
    'were trained without it, or do not say: leave it out for weights trained without'
)
HALVED_TEXT = (
    'GATES HALVED: {modules}: these weights were trained with identity_init=True: set '
    'it in the model'
)


def gate_findings(
    model: nn.Module, state_dict: Mapping[str, Tensor], loaded: Collection[str]
) -> Iterator[tuple[int, str]]:
    """Level and text of a line for gates of another scale than that of the training.

    Args:
        state_dict: As torch or mmengine saved it, or a dict without versions.
        loaded: Names of the tensors that the model takes from it.
    """
    versions = getattr(state_dict, '_metadata', None) or {}
    doubled, halved = [], []
    for path, module in model.named_modules():
        if not isinstance(module, IdentityInit):
            continue
        if not any(name.startswith(f'{path}.') for name in loaded):
            continue  # nothing was trained
        version = versions.get(path, {}).get('version')
        was_doubled = version == IdentityInit.DOUBLED
        if module.identity_init and not was_doubled:
            doubled.append(path)
        elif was_doubled and not module.identity_init:
            halved.append(path)
    for paths, text in ((doubled, DOUBLED_TEXT), (halved, HALVED_TEXT)):
        if paths:
            yield logging.WARNING, text.format(modules=some(paths))
