"""tools/install.py: what it rejects, with one line and status 2."""

import json
import shutil
import sys
from collections import namedtuple

import pytest

from installer.venv import STAMP


@pytest.mark.parametrize('version', [(3, 9, 1), (3, 15, 0)])
def test_wrong_python(fails, commands, monkeypatch, tmp_path, version):
    monkeypatch.setattr(sys, 'version_info', version)
    line = fails('--venv', tmp_path / 'venv')
    assert '3.11' in line and '--here' in line
    assert not commands and not (tmp_path / 'venv').exists()


def test_no_compiler(fails, commands, monkeypatch, tmp_path):
    monkeypatch.setenv('CXX', '/nowhere/c++')
    line = fails('--venv', tmp_path / 'venv')
    assert 'no C++ compiler' in line and 'apt-get install g++' in line
    assert not commands, (
        'nothing may be fetched before the compiler is known to be there'
    )


def test_full_disk(fails, commands, monkeypatch, tmp_path):
    usage = namedtuple('usage', 'total used free')(10**9, 0, 10**9)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    line = fails('--venv', tmp_path / 'venv')
    assert '1.0 GB are free' in line
    assert not commands


def test_cuda_without_nvcc(fails, commands, monkeypatch, tmp_path):
    monkeypatch.setenv('CUDA_HOME', str(tmp_path))
    assert 'needs nvcc' in fails('--cuda', '--venv', tmp_path / 'venv')


def test_foreign_folder_is_left_alone(fails, commands, tmp_path):
    mine = tmp_path / 'mine' / 'thesis.txt'
    mine.parent.mkdir()
    mine.write_text('do not delete')
    assert 'not made by this script' in fails('--venv', mine.parent)
    assert mine.read_text() == 'do not delete'


@pytest.mark.parametrize(
    'output, cause, remedy',
    [
        (
            'ERROR: Could not find a version that satisfies the requirement torch\n'
            'ERROR: No matching distribution found for torch\n',
            'satisfies the requirement',
            'registry reachable',
        ),
        ('ERROR: [Errno 28] No space left on device\n', 'Errno 28', 'disk space'),
        ('  nms.cpp:3:1: error: oops\n  ERROR: Failed\n', 'nms.cpp:3:1', 'the log'),
        ('', 'no reason', 'the log'),
    ],
)
def test_failing_pip(fails, monkeypatch, tmp_path, output, cause, remedy):
    def fake(command, env):
        return int('install' in command), output

    monkeypatch.setattr('installer.steps.require_preconditions', lambda *_: None)
    monkeypatch.setattr('installer.target.execute', fake)
    line = fails('--venv', tmp_path / 'venv')
    assert cause in line and remedy in line and 'install.log' in line
    stamp = json.loads((tmp_path / 'venv' / STAMP).read_text())
    assert stamp['complete'] is False
