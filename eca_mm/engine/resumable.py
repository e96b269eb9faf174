"""Whether a run can resume from what a checkpoint holds: decided here, for every road.

The newest file of a work dir, one that ``--resume`` names, and what mmengine loads in
the end (from a store, or for a run that no tool of ours has started) are held to it.
"""

from collections.abc import Mapping

from torch import nn

from eca_mm.checkpoints.content import without_wrapper
from eca_mm.checkpoints.load_report import LoadReport, load_report
from eca_mm.checkpoints.misfit import misfits
from eca_mm.findings import some

PARTS = ('meta', 'state_dict', 'message_hub', 'optimizer')
PLACE = ('epoch', 'iter')  # in meta
START_ANEW = 'to begin a new run with its weights: load_from=FILE without --resume'
SAME_CONFIG = 'continue with the config of the run, or start over with load_from'


def why_not_resumable(content: object, model: nn.Module | None = None) -> str:
    """What keeps a run from continuing with what a file holds, in one line, or ''.

    Args:
        model: Not in a wrapper. With it, whether the checkpoint is of this model:
            mmengine takes the tensors that fit, and the optimiser fails at the others.
    """
    if not isinstance(content, Mapping):
        return f'is not of a run, but a {type(content).__name__}: {START_ANEW}'
    absent = [part for part in PARTS if not isinstance(content.get(part), Mapping)]
    absent = absent or [name for name in PLACE if name not in content['meta']]
    if absent:
        return f'is not of a run: it has no {some(absent)}: {START_ANEW}'
    if model is None:
        return ''
    state = without_wrapper(content['state_dict'])
    other = of_another_model(load_report(model, state))
    return f'{other}: {SAME_CONFIG}' if other else ''


def of_another_model(report: LoadReport) -> str:
    """How a checkpoint differs from a model, with examples, or ''."""
    if not (report.missing or report.unexpected or report.mismatched):
        return ''
    return f'is of another model: {report.summary()}: {misfits(report)}'
