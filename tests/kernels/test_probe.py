"""Where the kernels do not run, blocks are plain by default, after one warning."""

import sys
import warnings

import pytest
import torch
import triton
from tails import DEVICE

from eca_mm import kernels
from eca_mm.backbones.fusable import is_quicker
from eca_mm.kernels import probe
from eca_mm.layers import ECA, SE

GPU, F32 = torch.device('cuda', 7), torch.float32


class Features:
    """As much of a tensor on a GPU as is asked before anything is computed."""

    is_cuda, device, dtype = True, GPU, F32

    def numel(self):
        return 1


@pytest.fixture(autouse=True)
def as_on_a_gpu(monkeypatch):
    """Nothing is known yet, and kernels are taken for compiled ones."""
    monkeypatch.setattr(probe, 'causes', {})
    monkeypatch.setattr(probe, 'interpreted', lambda: False)
    monkeypatch.setattr(probe, 'run_one', lambda device, dtype: 2.0)


def older(monkeypatch):
    monkeypatch.setattr(triton, '__version__', '3.3.1')


def no_compiler(monkeypatch):
    def run_one(device, dtype):
        try:
            raise RuntimeError('def kernel(x):\n\nFailed to find C compiler.')
        except RuntimeError as error:
            raise ValueError('compilation failed') from error

    monkeypatch.setattr(probe, 'run_one', run_one)


def broken(monkeypatch):
    monkeypatch.setitem(sys.modules, 'triton', None)


def absent(monkeypatch):
    monkeypatch.setattr(probe, 'installed', lambda: False)


def wrong(monkeypatch):
    monkeypatch.setattr(probe, 'run_one', lambda device, dtype: float('nan'))


def interpreter(monkeypatch):
    monkeypatch.setattr(probe, 'interpreted', lambda: True)


@pytest.mark.parametrize(
    ('fault', 'message'),
    [
        (older, r'Triton 3\.3\.1 is older than 3\.4'),
        (no_compiler, r'RuntimeError: Failed to find C compiler\.'),
        (broken, 'import of triton halted'),
        (absent, 'not installed'),
        (wrong, 'mean of nan'),
        (interpreter, 'TRITON_INTERPRET'),
    ],
)
def test_ends_are_plain_after_one_warning_of_the_cause(fault, message, monkeypatch):
    fault(monkeypatch)
    x, attention = Features(), ECA(8)
    with pytest.warns(RuntimeWarning, match=message) as caught:
        assert not kernels.chosen(x, True)
    assert len(caught) == 1 and '\n' not in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert not kernels.chosen(x, True) and not is_quicker(x, attention, True)
        assert is_quicker(x, attention, 'torch')
    with pytest.raises(
        RuntimeError, match=f"fused_tail='triton' on cuda:7: .*{message}"
    ):
        kernels.chosen(x, 'triton')


def test_one_run_tells_for_all(monkeypatch):
    """A kernel is run when first asked, of each dtype on each GPU."""
    runs = []
    monkeypatch.setattr(probe, 'run_one', lambda *key: runs.append(key) or 2.0)
    x = Features()
    assert not kernels.chosen(x, 'torch') and not kernels.chosen(x, False)
    assert not runs
    for how in (True, 'triton', True):
        assert kernels.chosen(x, how)
    assert set(runs) == {(GPU, F32)} and probe.causes == {(GPU, F32): None}
    assert is_quicker(x, ECA(8), True) and not is_quicker(x, SE(16), True)
    first = len(runs)
    x.dtype = torch.bfloat16
    assert kernels.chosen(x, True) and len(runs) == 2 * first


def test_memory_that_ran_out_is_no_cause(monkeypatch):
    def run_one(device, dtype):
        raise torch.cuda.OutOfMemoryError('CUDA out of memory.')

    monkeypatch.setattr(probe, 'run_one', run_one)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        kernels.chosen(Features(), True)
    assert not probe.causes


@pytest.mark.parametrize('dtype', kernels.DTYPES)
def test_the_kernel_that_is_run(dtype, monkeypatch):
    """It computes 2; on a GPU it runs, in the interpreter it is rejected there."""
    monkeypatch.undo()
    assert probe.run_one(torch.device(DEVICE), dtype) == 2
    assert probe.interpreted() == (DEVICE == 'cpu')
