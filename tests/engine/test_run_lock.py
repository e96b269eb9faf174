"""One run a work dir, whatever became of the one before."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from eca_mm.engine import RequestError
from eca_mm.engine.run_lock import GONE, NAME, only_run, other_run

# Without the rest of the package, which takes seconds to import.
HOLD = """
import os, sys, time
from eca_mm.engine.run_lock import only_run
with only_run('run'):
    child = os.fork() if 'fork' in sys.argv else None
    if child == 0:
        time.sleep(60)
    print(os.getpid(), child, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process with the lock of ``run``; and a process that it has forked."""
    process = subprocess.Popen(
        [sys.executable, '-c', HOLD, 'fork'], cwd=tmp_path, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )  # fmt: skip
    process.worker = int(process.stdout.readline().split()[1])
    yield process
    process.kill()
    os.kill(process.worker, signal.SIGKILL)
    process.communicate()


def test_second_run_is_refused_until_the_first_is_gone(tmp_path, holder, monkeypatch):
    work_dir = tmp_path / 'run'
    before = (work_dir / NAME).read_text()
    with pytest.raises(RequestError) as error, only_run(work_dir):
        pass
    (line,) = error.value.args
    assert f'process {holder.pid} on {socket.gethostname()}' in line
    assert line == other_run(work_dir)
    assert (work_dir / NAME).read_text() == before
    with only_run(tmp_path / 'other'):
        pass
    monkeypatch.setenv('RANK', '1')  # of a job whose first rank has asked
    with only_run(work_dir):
        pass
    monkeypatch.delenv('RANK')
    # Killed: its data workers live on for some seconds, and have its open files.
    holder.kill()
    holder.wait()
    assert other_run(work_dir) == ''
    with only_run(work_dir):
        assert json.loads((work_dir / NAME).read_text())['pid'] == os.getpid()
    assert not (work_dir / NAME).exists()


def elsewhere(work_dir, age: float, job: str = '') -> None:
    path = work_dir / NAME
    path.write_text(json.dumps(dict(host='node7', pid=42, since='today', job=job)))
    os.utime(path, (time.time() - age,) * 2)


def test_other_host(tmp_path, monkeypatch):
    elsewhere(tmp_path, GONE - 60)
    with pytest.raises(RequestError) as error, only_run(tmp_path):
        pass
    assert 'process 42 on node7, since today' in str(error.value)
    assert f'remove {tmp_path / NAME}' in str(error.value)
    elsewhere(tmp_path, GONE + 60)
    with only_run(tmp_path):
        pass
    elsewhere(tmp_path, 0, job='7')  # started again by the scheduler
    monkeypatch.setenv('SLURM_JOB_ID', '8')
    assert other_run(tmp_path)
    monkeypatch.setenv('SLURM_JOB_ID', '7')
    with only_run(tmp_path):
        pass


@pytest.mark.parametrize('content', ['', 'no json', '[1]', '{"pid": 1}'])
def test_lock_of_unknown_content(tmp_path, content):
    (tmp_path / NAME).write_text(content)
    with only_run(tmp_path), only_run(tmp_path):  # a second try of the same process
        pass
    assert not (tmp_path / NAME).exists()


def test_work_dir_that_goes_away(tmp_path):
    with only_run(tmp_path / 'run'):
        (tmp_path / 'run' / NAME).unlink()
        (tmp_path / 'run').rmdir()


def test_the_run_touches_it(tmp_path, monkeypatch):
    monkeypatch.setattr('eca_mm.engine.run_lock.BEAT', 0.01)
    with only_run(tmp_path):
        os.utime(tmp_path / NAME, (0, 0))
        deadline = time.monotonic() + 10
        while (tmp_path / NAME).stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert time.time() - (tmp_path / NAME).stat().st_mtime < 60
