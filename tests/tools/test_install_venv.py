"""tools/install.py: when the next run has nothing to do, and what makes it work."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from installer import checkout
from installer.venv import STAMP


def test_second_run_does_nothing(main, venv, commands, monkeypatch, capsys):
    monkeypatch.setattr(subprocess, 'run', None)  # a call would raise
    assert main('--venv', venv.folder) == 0
    assert not commands
    assert 'up to date' in capsys.readouterr().out


def change_pin(venv):
    path = checkout.REQUIREMENTS / 'constraints.txt'
    path.write_text(path.read_text() + '# another\n')


def change_bounds(venv):
    path = checkout.REPO / 'pyproject.toml'
    path.write_text(path.read_text() + '\n')


def remove_package(venv):
    shutil.rmtree(next(venv.site.glob('rich-*')))


def break_off_package(venv):
    (next(venv.site.glob('mmcv-*')) / 'RECORD').unlink()


def remove_python(venv):
    Path(venv.python).unlink()


def interrupt_run(venv):
    venv.write_stamp(**{**venv.read_stamp(), 'complete': False})


def garble_stamp(venv):
    (venv.folder / STAMP).write_text('{"complete": tr')


@pytest.mark.parametrize(
    'harm',
    [change_pin, change_bounds, remove_package, break_off_package, remove_python]
    + [garble_stamp, interrupt_run],
)
def test_what_makes_the_next_run_work_again(venv, harm):
    assert venv.is_current(dev=True, ops=None)
    harm(venv)
    assert not venv.is_current(dev=True, ops=None)


def test_a_usable_environment_is_kept_and_completed(venv, commands):
    Path(venv.python).unlink()
    Path(venv.python).symlink_to(sys.executable)  # runs, and has pip
    break_off_package(venv)
    venv.prepare()
    assert not commands
    assert not any(venv.site.glob('mmcv-*')), 'pip would take it for installed'
    assert any(venv.site.glob('rich-*'))
    assert venv.read_stamp()['complete'] is False


def test_a_broken_environment_is_made_anew(venv, commands):
    venv.prepare()  # its Python is an empty file
    assert commands == [[sys.executable, '-m', 'venv', str(venv.folder)]]
    assert [p.name for p in venv.folder.iterdir()] == [STAMP]


def test_options_that_the_environment_does_not_meet(venv):
    assert venv.is_current(dev=False, ops='cpu')
    assert not venv.is_current(dev=True, ops='cuda')
    venv.finish(dev=False, ops='cpu', forced=None)
    assert not venv.is_current(dev=True, ops=None)
