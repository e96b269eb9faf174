"""SIGKILL in the middle of saves, here a few times; mmengine's own hook beside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from eca_mm.checkpoints.safe import load_file

LOOP = Path(__file__).with_name('loop.py')


def start(hook: str, work_dir: Path, *hang: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(LOOP), hook, str(work_dir), *hang], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )  # fmt: skip


def kill_in_save(hook: str, work_dir: Path, number: int) -> None:
    """Kill a run when half of its checkpoint of that number is written."""
    run = start(hook, work_dir, str(number))
    try:
        for line in run.stdout:
            if line == 'in a save\n':
                return
        raise AssertionError('the run ended before')
    finally:
        run.kill()
        run.wait()


def finish(run: subprocess.Popen, status: int = 0) -> str:
    text, _ = run.communicate(timeout=120)
    assert run.returncode == status, text
    return text


def weights(work_dir: Path) -> dict:
    return load_file(work_dir / 'iter_12.pth')['state_dict']


@pytest.mark.slow
def test_three_kills_lose_nothing(tmp_path):
    whole = start('SafeCheckpointHook', tmp_path / 'whole')  # beside the others
    work_dir = tmp_path / 'killed'
    for number in (3, 2, 1):
        kill_in_save('SafeCheckpointHook', work_dir, number)
    text = finish(start('SafeCheckpointHook', work_dir))
    finish(whole)
    # 2 saves, 1 and none were whole; the rest is done now.
    assert 'iter_3.pth' in text and 'skipped' not in text
    assert {path.name for path in work_dir.glob('*.pth')} == {'iter_12.pth'}
    assert not [path for path in work_dir.iterdir() if path.name.startswith('.')]
    one, two = weights(tmp_path / 'whole'), weights(work_dir)
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_mmengines_own_hook_loses_all(tmp_path):
    """What the other test would see, were the order wrong."""
    kill_in_save('CheckpointHook', tmp_path, 2)
    text = finish(start('CheckpointHook', tmp_path), status=2)
    assert 'iter_2.pth is damaged' in text and 'can be resumed from' in text
