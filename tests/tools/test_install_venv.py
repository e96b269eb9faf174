"""tools/install.py: when the next run has nothing to do, and what makes it work."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from installer import checkout
from installer.output import InstallError
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


def remove_timm(venv):
    shutil.rmtree(next(venv.aside('pretrain').glob('timm-*')))


def remove_mkdocs(venv):
    shutil.rmtree(next(venv.aside('docs').glob('mkdocs-1*')))


def remove_python(venv):
    Path(venv.python).unlink()


def interrupt_run(venv):
    venv.write_stamp(**{**venv.read_stamp(), 'complete': False})


def garble_stamp(venv):
    (venv.folder / STAMP).write_text('{"complete": tr')


@pytest.mark.parametrize(
    'harm',
    [change_pin, change_bounds, remove_package, break_off_package, remove_python]
    + [remove_timm, remove_mkdocs, garble_stamp, interrupt_run],
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


def test_pins_are_versions_and_those_of_this_system(monkeypatch):
    """Of 'triton==3.7.1; platform_system == "Linux"' the version ends before the ;."""
    files = [path.stem for path in checkout.REQUIREMENTS.glob('*.txt')]
    pins = checkout.read_pins(*files)
    assert all(set(version) <= set('0123456789.') for version in pins.values())
    monkeypatch.setattr(sys, 'platform', 'darwin')
    assert pins.keys() - checkout.read_pins(*files) == {'triton'}


@pytest.mark.parametrize(
    ('name', 'harm', 'told'),
    [('pretrain', remove_timm, 'mmpretrain'), ('docs', remove_mkdocs, 'mkdocs')],
)
def test_a_folder_aside_is_whole_or_not_there(venv, monkeypatch, name, harm, told):
    """mmdet imports mmpretrain wherever it is: it may not be among the packages."""
    seen, status = [], 1

    def fake(command, env):
        seen.append(command)
        if '--target' in command:
            (Path(command[command.index('--target') + 1]) / 'part').mkdir(parents=True)
            return status, ''
        return 0, ''

    monkeypatch.setattr('installer.target.execute', fake)
    venv.add_pinned(dev=True)
    assert not any('--target' in command for command in seen), 'all is there'
    harm(venv)
    venv.add_pinned(dev=False)
    assert not any('--target' in command for command in seen), 'for tests only'
    with pytest.raises(InstallError, match=told):
        venv.add_pinned(dev=True)
    assert not venv.aside(name).exists()
    status = 0
    venv.add_pinned(dev=True)
    assert [path.name for path in venv.aside(name).iterdir()] == ['part']
    assert '--no-deps' in seen[-1] and not venv.has_aside(name)


def test_options_that_the_environment_does_not_meet(venv):
    assert venv.is_current(dev=False, ops='cpu')
    assert not venv.is_current(dev=True, ops='cuda')
    venv.finish(dev=False, ops='cpu', forced=None)
    assert not venv.is_current(dev=True, ops=None)
