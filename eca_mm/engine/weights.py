"""Load the weights of a checkpoint for a tool that neither trains nor tests."""

from collections.abc import Collection
from dataclasses import replace

from mmengine.model import BaseTTAModel
from torch import nn

from eca_mm.checkpoints.content import (
    Content,
    fitting_prefix,
    read,
    state_of,
    without_wrapper,
)
from eca_mm.checkpoints.load_report import load_report, shapes_of
from eca_mm.checkpoints.misfit import left_at_random, nothing_fits
from eca_mm.checkpoints.safe import CheckpointError
from eca_mm.errors import RequestError


def tested(model: nn.Module) -> nn.Module:
    """What mmengine loads weights into: the model inside of test-time augmentation."""
    return model.module if isinstance(model, BaseTTAModel) else model


def load_weights(model: nn.Module, name: str, needed: Collection[str] = ('',)) -> None:
    """Give a model the weights of a checkpoint, found where tools/test.py finds them.

    Weights of the backbone alone, as published, get its name before theirs.

    Args:
        name: A file, or any other name that mmengine knows.
        needed: Beginnings of the names of tensors that must not stay at random.

    Raises:
        RequestError: There are none, nothing of them fits, or a needed one is absent.
    """
    try:
        content = read(name)
        state = without_wrapper(state_of(content, name))
    except CheckpointError as error:
        raise RequestError(str(error)) from error
    wanted = shapes_of(model.state_dict())
    part = fitting_prefix(shapes_of(state), wanted) or ''
    state = {f'{part}{key}': value for key, value in state.items()}
    # More than a tool uses, such as heads, is no misfit.
    report = replace(load_report(model, state), unexpected=[])
    if not report.loaded:
        problem = nothing_fits(Content.from_read(content, name), wanted)
        raise RequestError('checkpoint: ' + ': '.join(problem))
    absent = [*report.missing, *report.mismatched]
    if any(key.startswith(tuple(needed)) for key in absent):
        problem = left_at_random(name, report)
        raise RequestError('checkpoint: ' + ': '.join(problem))
    fitting = {key: state[key] for key in report.loaded}
    model.load_state_dict(fitting, strict=False)
