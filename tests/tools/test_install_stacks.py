"""tools/install.py --stack: the maintained forks in place of OpenMMLab's packages."""

import sys
from pathlib import Path

import pytest

from installer import checkout
from installer.check import check_here
from installer.checkout import read_pins, unsupported
from installer.here import Here
from installer.output import InstallError
from installer.stacks import STACKS, stack_of
from installer.venv import STAMP, Venv

FORKS = read_pins('onedl', 'onedl-mmcv')


@pytest.mark.parametrize('other', ['--here', '--check'])
def test_the_stack_of_somebody_else_is_not_replaced(fails, commands, other):
    assert '--stack is for' in fails('--stack', 'onedl', other)
    assert not commands


def test_pins_are_within_the_bounds():
    for stack in STACKS.values():
        pins = read_pins(stack.packages, stack.mmcv)
        assert set(stack.names) <= pins.keys()
        assert not unsupported(pins)
    assert 'onedl-mmcv 2.2.0' in unsupported({'onedl-mmcv': '2.2.0'})[0]


def test_an_environment_keeps_its_stack_and_is_made_anew_for_another(venv, commands):
    assert venv.stack is STACKS['openmmlab']
    assert venv.is_current(dev=True, ops=None), 'its stamp is as old ones are'
    Path(venv.python).unlink()
    Path(venv.python).symlink_to(sys.executable)
    other = Venv(venv.folder, stack='onedl')
    assert not other.is_current(dev=True, ops=None)
    other.prepare()
    assert commands == [[sys.executable, '-m', 'venv', str(venv.folder)]]
    assert [path.name for path in venv.folder.iterdir()] == [STAMP]
    assert Venv(venv.folder).stack is STACKS['onedl'], 'later runs keep it'
    assert Venv(venv.folder, stack='openmmlab').stack is STACKS['openmmlab']


def test_the_forks_are_installed_without_what_they_ask_for(tmp_path, commands):
    Venv(tmp_path / 'venv', stack='onedl').add_pinned(dev=False)
    command = commands[-1]
    assert command[-1] == str(checkout.requirement('onedl'))
    assert {'--no-deps', '--no-build-isolation'} <= set(command)
    Venv(tmp_path / 'venv').add_pinned(dev=False)
    assert commands[-1][-1] == str(checkout.requirement('openmmlab'))
    assert '--no-build-isolation' not in commands[-1]


def test_here_adds_nothing_of_the_other_stack(monkeypatch, tmp_path):
    """Both write the same modules: the second one would be on top of the first."""
    pins = read_pins('build', 'runtime', 'dev')
    versions = {**pins, **FORKS, 'eca-mm': '0.1.0'}
    monkeypatch.setattr('installer.here.is_editable', lambda: True)
    monkeypatch.setattr(Here, 'has_operators', lambda self: True)
    monkeypatch.setattr(Here, 'versions', lambda self: versions)
    here = Here(tmp_path)
    assert here.stack is STACKS['onedl'] and here.is_current(dev=True, ops=None)
    del versions['onedl-mmdetection']
    assert not here.is_current(dev=True, ops=None)
    assert list(here.missing(here.stack.packages)) == ['onedl-mmdetection']


def test_the_check_asks_for_the_stack_that_is_there(monkeypatch, capsys):
    pins = read_pins('build', 'runtime', 'openmmlab', 'mmcv')
    versions = {**pins, 'eca-mm': '0.1.0', 'onedl-mmcv': FORKS['onedl-mmcv']}
    monkeypatch.setattr('installer.check.installed', lambda: versions)
    with pytest.raises(InstallError, match='missing: onedl-mmengine, onedl-mmdet'):
        check_here()
    assert stack_of(pins) is STACKS['openmmlab'] and stack_of([]) is stack_of(pins)
