"""A killed data worker and a removed work dir end a run in one line."""

import multiprocessing
import os
import shutil
import signal

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from small_run import small_runner
from torch.utils.data._utils import signal_handling

from eca_mm.engine import RunStopped, train
from eca_mm.engine import runner as engine_runner
from eca_mm.engine.accidents import told_in_one_line, worker_line


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Train with a hook by the function that the tool calls."""
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each
    handler = signal.getsignal(signal.SIGCHLD)
    monkeypatch.setattr(signal_handling, '_SIGCHLD_handler_set', False)

    def run(hook: Hook, **kwargs) -> None:
        def build(cfg):
            return small_runner(cfg.work_dir, hooks=[hook], **kwargs)

        monkeypatch.setattr(engine_runner, 'build_runner', build)
        train(Config(dict(work_dir=str(tmp_path / 'run'))))

    yield run
    signal.signal(signal.SIGCHLD, handler)


class KillWorker(Hook):
    def before_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == 2:
            self.pid = multiprocessing.active_children()[0].pid
            os.kill(self.pid, signal.SIGKILL)


def test_killed_worker(run):
    hook = KillWorker()
    with pytest.raises(RunStopped) as error:
        run(hook, workers=1)
    line = str(error.value)
    # torch sees the signal, or that the worker is gone, or a broken connection to it.
    assert line.startswith(f'data worker {hook.pid} ')
    assert 'killed' in line.lower()
    assert 'lower num_workers or batch_size' in line and '--resume' in line
    assert error.value.of_one_rank  # the other ranks wait for it


@pytest.mark.parametrize('kind', [ConnectionResetError, EOFError])
def test_connection_to_a_killed_worker(tmp_path, monkeypatch, kind):
    """torch raises of the worker a moment later."""
    looks = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed.')

    monkeypatch.setattr(signal_handling, '_error_if_any_worker_fails', look)
    with (
        pytest.raises(RunStopped, match='data worker 7 was'),
        told_in_one_line(tmp_path),
    ):
        raise kind('of a worker')


def test_words_for_workers():
    start = 'DataLoader worker (pid 7) is killed by signal: '
    assert '/dev/shm' in worker_line(f'{start}Bus error. It is possible that ...')
    assert 'by a signal (Terminated)' in worker_line(f'{start}Terminated. ')
    text = 'DataLoader worker (pid(s) 7, 8) exited unexpectedly'
    assert worker_line(text).startswith('data worker 7, 8 ended unexpectedly')
    assert worker_line('CUDA out of memory') == ''


class RemoveAndWrite(Hook):
    """Anything that the run keeps in its work dir beside checkpoints."""

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == 2:
            shutil.rmtree(runner.work_dir)
            os.mkfifo(os.path.join(runner.work_dir, 'results'))


def test_removed_work_dir(run):
    with pytest.raises(RunStopped, match='run was removed while the run was at work'):
        run(RemoveAndWrite())


@pytest.mark.parametrize('kind', [FileNotFoundError, RuntimeError, KeyError])
def test_other_errors_stay(tmp_path, kind):
    with pytest.raises(kind, match='of something else'), told_in_one_line(tmp_path):
        raise kind('of something else')
