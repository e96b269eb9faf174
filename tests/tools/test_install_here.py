"""tools/install.py --here: an environment of the user's own."""

from pathlib import Path

import pytest

from installer.checkout import read_pins, unsupported
from installer.here import Here
from installer.output import InstallError


def test_bounds_come_from_pyproject():
    assert unsupported({'mmcv': '2.1.0', 'mmdet': '3.3.0', 'numpy': '1.0'}) == []
    assert 'mmcv 2.2.0' in unsupported({'mmcv': '2.2.0'})[0]
    assert 'mmengine 0.10.2' in unsupported({'mmengine': '0.10.2'})[0]


def test_here_holds_everything_that_is_there(commands, monkeypatch, tmp_path):
    there = {'torch': '2.4.0+cu121', 'numpy': '1.26.4', 'setuptools': '65.5.0'}
    monkeypatch.setattr(Here, 'versions', lambda self: dict(there))
    here = Here(tmp_path)
    here.add('something', ['shapely'])
    constraints = (tmp_path / 'constraints.txt').read_text().splitlines()
    assert constraints == ['torch==2.4.0+cu121', 'numpy==1.26.4', 'setuptools<=80.10.2']
    assert commands[0][-3:] == ['-c', str(tmp_path / 'constraints.txt'), 'shapely']
    assert {'torch', 'numpy'}.isdisjoint(here.missing('build', 'runtime'))


def test_here_is_not_content_with_an_mmcv_that_mmdet_refuses(monkeypatch):
    pins = read_pins('build', 'runtime', 'openmmlab', 'mmcv', 'dev')
    versions = {**pins, 'eca-mm': '0.1.0'}
    here = Here(Path('tools'))
    monkeypatch.setattr('installer.here.is_editable', lambda: True)
    monkeypatch.setattr(here, 'has_operators', lambda: True)
    monkeypatch.setattr(here, 'versions', lambda: versions)
    assert here.is_current(dev=True, ops=None)
    versions['mmcv'] = '2.2.0'
    assert not here.is_current(dev=True, ops=None)
    with pytest.raises(InstallError, match='mmcv 2.2.0'):
        here.require_usable()
