"""The script that runs the hosts' tests, on a made-up file of theirs."""

import subprocess
import sys
from pathlib import Path

import pytest
from verdicts import explain

# Of a host: what passes, what differs, what fails with either class, what is skipped.
MADE_UP = """
import unittest
from .utils import COUNT
from mmdet.models.backbones.mobilenet_v2 import MobileNetV2

def test_passes():
    assert COUNT == 3 and len(MobileNetV2(out_indices=(2, 4, 6)).out_indices) == COUNT

def test_differs():
    assert not hasattr(MobileNetV2(), 'plugin'), 'it has plugins'

def test_differs_too():
    assert MobileNetV2.__module__.startswith('mmdet.'), 'not of [mmdet]'

def test_fails_with_either():
    raise OSError(f'no network for {MobileNetV2.__name__}')

class TestOld(unittest.TestCase):
    def test_skipped(self):
        self.skipTest('old')
"""
LIST = """
ours:
  test_mobilenet_v2.py::test_differs:
    {error: it has plugins, reason: the last convolution has one}
  test_mobilenet_v2.py::test_passes: {error: anything, reason: none}
  test_mobilenet_v2.py::test_gone: {error: anything, reason: none}
  test_resnet.py::test_of_another_file: {error: anything, reason: none}
"""


def call(folder: Path, *args) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, Path(__file__).parent, folder, *args],
        capture_output=True,
        text=True,
    )


def test_made_up_file(tmp_path):
    """Each kind of row, and exit 1 for what is not as listed."""
    (tmp_path / 'test_mobilenet_v2.py').write_text(MADE_UP)
    (tmp_path / 'utils.py').write_text('COUNT = 3')
    (tmp_path / 'list.yaml').write_text(LIST)
    only = '--only', 'test_mobilenet_v2.py'
    ended = call(tmp_path, *only, '--differences', tmp_path / 'list.yaml')
    assert ended.returncode == 1, ended.stderr
    rows = {
        cells[0].rpartition('::')[2]: cells[1:]
        for line in ended.stdout.splitlines()
        if '::' in line
        for cells in [[cell.strip() for cell in line.strip('│').split('│')]]
    }
    assert rows == {
        'test_passes': [
            'passed', 'passed',
            'LISTED as a deliberate difference, but it does not fail',
        ],
        'test_differs': [
            'passed', 'failed', 'deliberate: the last convolution has one'
        ],
        'test_differs_too': [
            'passed', 'failed', 'NOT LISTED: AssertionError: not of [mmdet]'
        ],
        'test_fails_with_either': [
            'failed', 'failed',
            'fails by itself here: OSError: no network for ECAMobileNetV2',
        ],
        'test_skipped': ['skipped', 'skipped', ''],
        'test_gone': [
            '', 'not run',
            'LISTED as a deliberate difference, but there is no such test',
        ],
    }  # fmt: skip
    assert 'ours: 1 passed, 3 failed, 1 skipped, 1 not run' in ended.stdout
    assert 'not as listed: 3' in ended.stdout
    # Nothing is left beside the host's files.
    names = ['list.yaml', 'test_mobilenet_v2.py', 'utils.py']
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_file_that_is_not_there(tmp_path):
    ended = call(tmp_path, '--only', 'test_coco_metric.py')
    assert ended.returncode == 2
    assert f'{tmp_path} has no test_coco_metric.py' in ended.stderr


FAILED = 'failed', 'AssertionError: 1 != 2'
PASSED = 'passed', ''
LISTED = dict(error='1 != 2', reason='two')


@pytest.mark.parametrize(
    ('control', 'found', 'listed', 'note', 'bad'),
    [
        (PASSED, PASSED, None, '', False),
        (PASSED, FAILED, LISTED, 'deliberate: two', False),
        (FAILED, FAILED, LISTED, 'deliberate: two', False),
        (PASSED, ('failed', 'OSError: 1'), LISTED, 'LISTED, but fails other', True),
        (PASSED, FAILED, None, 'NOT LISTED: AssertionError', True),
        (PASSED, PASSED, LISTED, 'LISTED as', True),
        (PASSED, ('skipped', ''), LISTED, 'LISTED as', True),
        (FAILED, ('failed', 'AssertionError: 3'), None, 'fails by itself', False),
        (FAILED, ('failed', 'TypeError: 1 != 2'), None, 'NOT LISTED', True),
        (FAILED, PASSED, None, "the hosts' own fails here", False),
    ],
)
def test_verdict(control, found, listed, note, bad):
    sentence, is_bad = explain(control, found, listed)
    assert sentence.startswith(note) and is_bad == bad
