import pytest
import torch
from mmengine.runner import CheckpointLoader

from eca_mm.backbones import ECAResNet
from eca_mm.checkpoints import store


def test_default_folder(tmp_path, monkeypatch):
    monkeypatch.delenv('ECA_MM_HOME', raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'checkpoints/eca_resnet101.pth').touch()
    path = store.resolve('ecanet://resnet101')
    assert path.samefile(tmp_path / 'checkpoints/eca_resnet101.pth')


def test_missing_file_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv('ECA_MM_HOME', str(tmp_path))
    with pytest.raises(FileNotFoundError, match='eca_resnet50.pth.*download'):
        store.resolve('ecanet://resnet50')


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match='resnet51.*resnet50'):
        store.resolve('ecanet://resnet51')


def test_initialises_a_backbone_from_the_authors_layout(tmp_path, monkeypatch):
    """Their files come from DataParallel and hold the classifier."""
    monkeypatch.setenv('ECA_MM_HOME', str(tmp_path))
    source = ECAResNet(18)
    source.init_weights()
    state = {f'module.{k}': v for k, v in source.state_dict().items()}
    state |= {'module.fc.weight': torch.zeros(1000, 512)}
    torch.save(dict(state_dict=state), tmp_path / 'eca_resnet18.pth')

    init_cfg = dict(type='Pretrained', checkpoint='ecanet://resnet18')
    model = ECAResNet(18, init_cfg=init_cfg)
    model.init_weights()
    for key, value in source.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


def test_scheme_loads_safely(tmp_path, monkeypatch):
    monkeypatch.setenv('ECA_MM_HOME', str(tmp_path))
    torch.save(dict(state_dict={}, code=store.resolve), tmp_path / 'eca_resnet50.pth')
    with pytest.raises(Exception, match='[Ww]eights.only'):
        CheckpointLoader.load_checkpoint('ecanet://resnet50')
