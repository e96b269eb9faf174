import json
import os
import pickle
from argparse import Namespace

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from eca_mm.checkpoints.safe import CheckpointError, load_file


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


@pytest.mark.parametrize('new_format', [True, False])
def test_load_file_reads_both_formats_of_torch(tmp_path, new_format):
    path = tmp_path / 'model.pth.tar'
    saved = dict(epoch=3, state_dict={'a.weight': torch.arange(6.0).view(2, 3)})
    torch.save(saved, path, _use_new_zipfile_serialization=new_format)
    loaded = load_file(path)
    assert loaded['epoch'] == 3
    assert torch.equal(loaded['state_dict']['a.weight'], torch.arange(6.0).view(2, 3))


def test_load_file_reads_safetensors(tmp_path):
    """A file written by hand: the header's length, the header, the numbers."""
    numbers = np.array([[1.5, -2.0]], np.float32).tobytes()
    header = json.dumps(
        {'fc.weight': dict(dtype='F32', shape=[1, 2], data_offsets=[0, len(numbers)])}
    ).encode()
    path = tmp_path / 'model.safetensors'
    path.write_bytes(len(header).to_bytes(8, 'little') + header + numbers)
    assert load_file(path)['fc.weight'].tolist() == [[1.5, -2.0]]
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match='damaged'):
        load_file(path)


def bytes_of(path, **kwargs) -> bytes:
    torch.save({'a.weight': torch.randn(1000)}, path, **kwargs)
    return path.read_bytes()


def test_unusable_files_are_refused_with_the_reason(tmp_path):
    path = tmp_path / 'model.pth'
    new = bytes_of(path)
    old = bytes_of(path, _use_new_zipfile_serialization=False)
    for content, message in {
        b'': 'is empty',
        b'\n<!DOCTYPE html><title>Google Drive - Virus scan warning': 'is a web page',
        b'{"error": 403}': 'is damaged or not a checkpoint',
        b'hello world': 'is damaged or not a checkpoint',
        new[:100]: 'is damaged or not a checkpoint',
        new[:-100]: 'is damaged or not a checkpoint',
        old[:50]: 'is damaged or not a checkpoint',
        old[:-100]: 'is damaged or not a checkpoint',
    }.items():
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=message) as caught:
            load_file(path)
        assert str(caught.value).startswith(f'checkpoint {path} {message}')
        assert 'weights_only' not in str(caught.value)  # no advice to load it unsafely
        assert '\n' not in str(caught.value)
    with pytest.raises(CheckpointError, match='nowhere.pth not found'):
        load_file(tmp_path / 'nowhere.pth')


@pytest.mark.parametrize('new_format', [True, False])
def test_load_file_names_what_could_run_code(tmp_path, new_format):
    proof, path = tmp_path / 'executed', tmp_path / 'hostile.pth'
    for thing, name in (
        (Attack(os.system, f'touch {proof}'), 'posix.system'),
        (Attack(eval, f'open({str(proof)!r}, "w")'), 'eval'),
        (Namespace(lr=0.1), 'argparse.Namespace'),  # harmless, and still not needed
    ):
        saved = dict(state_dict={'a.weight': torch.zeros(1)}, args=thing)
        torch.save(saved, path, _use_new_zipfile_serialization=new_format)
        with pytest.raises(CheckpointError, match=f'asks for {name}.*is rejected'):
            load_file(path)
    assert not proof.exists()
