"""tools/install.py: the operators that it calls once, and what it makes of them."""

import re
from pathlib import Path

import mmcv.ops
import mmdet
import pytest
import torch
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss

from installer import calls


def test_all_that_mmdet_imports_is_needed():
    found = set()
    for path in Path(mmdet.__file__).parent.rglob('*.py'):
        for names in re.findall(r'from mmcv\.ops\S* import (.*)', path.read_text()):
            found |= {name.split(' as ')[0].strip() for name in names.split(',')}
    # The forks' CLRNet has one more, a kernel for CUDA alone.
    assert found - {'line_nms'} == set(calls.NEEDED)


def test_what_is_installed_passes():
    calls.call_all('cpu')


def test_a_missing_operator_is_named(monkeypatch):
    monkeypatch.delattr(mmcv.ops, 'RoIPool')
    with pytest.raises(ImportError, match='lacks RoIPool'):
        calls.call_all('cpu')


def wrong(function, change):
    """The same operator with a result that is not quite the right one."""
    return lambda *args, **kwargs: change(function(*args, **kwargs))


def shifted(tensor):
    return torch.roll(tensor, 1, -1)


def all_kept(result):
    return result[0], torch.arange(3)


WRONG = {
    'nms': all_kept,
    'batched_nms': all_kept,
    'soft_nms': lambda result: (result[0] * 0.99, result[1]),
    'roi_align': shifted,
    'deform_conv2d': shifted,
    'modulated_deform_conv2d': lambda x: 2 * x,
}


@pytest.mark.parametrize('name', WRONG)
def test_a_wrong_operator_is_found(monkeypatch, name):
    monkeypatch.setattr(mmcv.ops, name, wrong(getattr(mmcv.ops, name), WRONG[name]))
    with pytest.raises(ValueError, match=f'^{name} gives'):
        calls.call_all('cpu')


def focal_loss(logits, target, gamma, alpha, weight, reduction):
    """What mmcv computes on a GPU, by mmdet's other implementation."""
    classes = torch.nn.functional.one_hot(target, 2)
    return py_sigmoid_focal_loss(logits, classes, weight, gamma, alpha, reduction)


def test_the_focal_loss_that_a_gpu_has_to_give(monkeypatch):
    monkeypatch.setattr(mmcv.ops, 'sigmoid_focal_loss', focal_loss)
    calls.call_focal_loss('cpu')
    changed = wrong(focal_loss, lambda loss: loss + 0.001)
    monkeypatch.setattr(mmcv.ops, 'sigmoid_focal_loss', changed)
    with pytest.raises(ValueError, match='sigmoid_focal_loss gives'):
        calls.call_focal_loss('cpu')
