import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

import eca_mm  # noqa: F401  (allows what mmengine's checkpoints hold)


def test_message_hub_of_mmengine_loads(tmp_path):
    history = HistoryBuffer([1.5, 2.5], [1, 3])
    path = tmp_path / 'epoch_1.pth'
    # scalars of numpy are there too: the estimated time left, for one
    torch.save(dict(loss=history, eta=np.float64(0.25), step=np.int64(7)), path)
    loaded = torch.load(path, weights_only=True)
    assert loaded['loss'].data[0].tolist() == [1.5, 2.5]
    assert loaded['loss'].data[1].tolist() == [1, 3]
    assert loaded['loss'].statistics('max') == 2.5
    assert (loaded['eta'], loaded['step']) == (0.25, 7)


class Attack:
    """Pickles as a call, of a command or of getattr on something that is allowed."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('place', ['meta', 'optimizer', 'message_hub'])
def test_hostile_file_runs_nothing(tmp_path, place):
    proof = tmp_path / 'executed'
    attacks = [
        Attack(os.system, f'touch {proof}'),
        Attack(getattr, np.ndarray, 'tofile'),
        Attack(getattr, HistoryBuffer, '__init__'),
        Attack(getattr, HistoryBuffer([1], [1]), 'max'),
    ]
    for attack in attacks:
        path = tmp_path / 'hostile.pth'
        torch.save({place: [attack]}, path)
        with pytest.raises((pickle.UnpicklingError, ValueError)):
            torch.load(path, weights_only=True)
    assert not proof.exists()
