"""What mmengine saves is read again: every scheduler, every number, metainfo."""

import numpy as np
import pytest
import torch
from mmdet.registry import PARAM_SCHEDULERS as OF_MMDET
from mmengine.optim import OneCycleParamScheduler
from mmengine.registry import PARAM_SCHEDULERS

from eca_mm.checkpoints.safe import CheckpointError, load_file

# What a scheduler cannot be built without; 'param_name' for those of any parameter.
NEEDED = dict(
    CosineAnnealing=dict(T_max=5),
    CosineRestart=dict(periods=[2, 3], restart_weights=[1, 0.5], eta_min=0),
    Exponential=dict(gamma=0.9),
    MultiStep=dict(milestones=[1, 3]),
    OneCycle=dict(eta_max=1.0, total_steps=9),
    Step=dict(step_size=2),
)
NAMES = sorted({**PARAM_SCHEDULERS.module_dict, **OF_MMDET.module_dict})


def scheduler(name: str):
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], 0.1, momentum=0.9)
    kind = OF_MMDET.get(name)
    settings = {}
    for family, needed in NEEDED.items():
        if name.startswith(family):
            settings = dict(needed)
    if name.endswith('ParamScheduler'):
        settings['param_name'] = 'lr'
    return kind(optimizer, **settings)


def read_again(thing, tmp_path):
    torch.save({'meta': thing}, tmp_path / 'a.pth')
    return load_file(tmp_path / 'a.pth')['meta']


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('legacy', [False, True])
def test_every_scheduler(name, legacy, tmp_path):
    saved = scheduler(name)
    for _ in range(2):
        saved.optimizer.step()
        saved.step(*([{'loss': 1.0}] if 'Plateau' in name else []))
    state = saved.state_dict()
    path = tmp_path / 'a.pth'
    torch.save({'s': [state]}, path, _use_new_zipfile_serialization=not legacy)
    (found,) = load_file(path)['s']
    assert found == state
    fresh = scheduler(name)
    fresh.load_state_dict(found)
    assert fresh.state_dict() == state


def test_one_cycle_can_only_be_asked_for_its_curves(tmp_path):
    class Asks:
        def __init__(self, *call) -> None:
            self.call = call

        def __reduce__(self):
            return self.call

    for call in (
        (getattr, (OneCycleParamScheduler, 'step')),
        (OneCycleParamScheduler, (1, 2)),
    ):
        with pytest.raises(CheckpointError, match='rejected'):
            read_again(Asks(*call), tmp_path)


@pytest.mark.parametrize(
    'kind',
    ['bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
     'float16', 'float32', 'float64'],
)  # fmt: skip
def test_every_number(kind, tmp_path):
    """A metric may return any of them, and a palette is an array of uint8."""
    values = np.array([[0, 1], [1, 100]]).astype(kind)
    array, one = read_again([values, values[1, 1]], tmp_path)
    assert array.dtype == values.dtype and array.tolist() == values.tolist()
    assert one == values[1, 1] and type(one) is type(values[1, 1])


@pytest.mark.parametrize(
    'values',
    [np.array(['a']), np.array([object()]), np.array(['2026-11-25'], 'datetime64[D]'),
     np.zeros(2, [('a', 'f4')])],
)  # fmt: skip
def test_what_is_no_number_is_refused(values, tmp_path):
    with pytest.raises(CheckpointError, match='numpy.dtype|GLOBAL|object'):
        read_again(values, tmp_path)
