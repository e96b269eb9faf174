import logging
import sys
from types import SimpleNamespace

import pytest
import torch
from mmdet.models.backbones.resnet import ResNet

from eca_mm.cli.test_request import parse_args
from eca_mm.engine import FoldNormsHook


def test_a_folded_copy_is_tested_and_the_model_is_back_afterwards(caplog):
    model = ResNet(18, base_channels=8)
    model.eval()
    runner = SimpleNamespace(model=model, logger=logging.getLogger('fold'))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    hook = FoldNormsHook()
    with caplog.at_level('INFO'):
        for batch in range(2):
            hook.before_test_iter(runner, batch)
    assert caplog.messages == ['20 of 20 norms folded into their convolutions']
    assert runner.model is not model
    assert not any('bn' in name for name in runner.model.state_dict())
    hook.after_test_epoch(runner)
    assert runner.model is model
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    hook.after_test_epoch(runner)  # of an empty data set
    assert runner.model is model


@pytest.mark.parametrize('flag', ['--fold-norms', '--fuse-conv-bn', '--fuse'])
def test_one_option_has_three_names(monkeypatch, tmp_path, flag):
    files = [tmp_path / 'config.py', tmp_path / 'epoch_1.pth']
    for file in files:
        file.touch()
    call = ['test.py', *map(str, files)]
    monkeypatch.setattr(sys, 'argv', [*call, flag])
    assert parse_args().fold_norms
    monkeypatch.setattr(sys, 'argv', call)
    assert not parse_args().fold_norms
