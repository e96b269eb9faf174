"""tools/install.py --torch: another release than the pinned one."""

import json
import sys
from pathlib import Path

import pytest

from installer import checkout
from installer.checkout import read, read_pins
from installer.venv import STAMP, Venv


@pytest.mark.parametrize(
    'version', ['2.5.1', '1.13.1', '2.14', '3.0.0', 'nightly', '2.6.0rc1']
)
def test_what_cannot_be_used_is_refused(fails, commands, tmp_path, version):
    line = fails('--torch', version, '--venv', tmp_path / 'venv')
    assert f'--torch {version} cannot be used' in line and '2.6.0' in line
    assert not commands and not (tmp_path / 'venv').exists()


@pytest.mark.parametrize('other', ['--here', '--check'])
def test_the_torch_of_somebody_else_is_not_replaced(fails, commands, other):
    assert other in fails('--torch', '2.14.1', other)
    assert not commands


def test_what_goes_with_torch_moves_with_it_and_nothing_else():
    pins = read_pins('build', 'runtime', 'dev', 'pretrain', 'constraints')
    moved = read_pins(
        'build', 'runtime', 'dev', 'pretrain', 'constraints', torch='2.14.1'
    )
    bound_to_torch = {'torch', 'torchvision', 'triton', 'sympy'}
    assert bound_to_torch < pins.keys()
    assert moved == {
        **{name: pins[name] for name in pins.keys() - bound_to_torch},
        'torch': '2.14.1',
    }
    assert 'torchvision~=0.29.0\n' in read('pretrain', '2.14.1')  # 0.29 is for 2.14
    assert 'torchvision~=0.21.0\n' in read('pretrain', '2.6.0')
    assert 'triton; platform_system == "Linux"\n' in read('dev', '2.14.1')
    assert read('dev') == checkout.requirement('dev').read_text()


def test_pip_is_given_the_moved_files(venv, commands):
    Venv(venv.folder, '2.14.1').add_build()
    (command,) = commands
    constraints, build = command[-3], command[-1]
    assert command[-4::2] == ['-c', '-r']
    assert 'torch==2.14.1\n' in Path(build).read_text()
    assert Path(constraints).read_text() == read('constraints', '2.14.1')
    venv.add_build()
    assert commands[-1][-1] == str(checkout.requirement('build'))


def test_an_environment_keeps_its_torch_until_another_is_asked_for(
    venv, main, capsys, commands
):
    other = Venv(venv.folder, '2.14.1')
    assert not other.is_current(dev=True, ops=None)
    Path(venv.python).unlink()
    Path(venv.python).symlink_to(sys.executable)
    other.prepare()
    assert not venv.aside('pretrain').exists(), 'its torchvision is for another torch'
    assert venv.has_aside('docs'), 'it is for any torch'
    assert Venv(venv.folder).torch == '2.14.1', 'the next run resumes this one'
    (venv.site / 'torch-2.13.0+cpu.dist-info').rename(
        venv.site / 'torch-2.14.1.dist-info'
    )
    other.finish(dev=False, ops='cpu', forced=None)
    assert main('--no-dev', '--venv', venv.folder) == 0
    assert 'up to date' in capsys.readouterr().out and not commands
    pinned = Venv(venv.folder, read_pins('build')['torch'])
    assert pinned.torch is None and not pinned.is_current(dev=False, ops=None)


def test_an_environment_made_anew_for_another_torch_says_so_at_once(tmp_path, commands):
    venv = Venv(tmp_path / 'venv', '2.14.1')
    venv.prepare()
    assert json.loads((venv.folder / STAMP).read_text())['torch'] == '2.14.1'
