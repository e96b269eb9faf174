"""Signals that end a run: the iteration ends, is saved, and the run can continue."""

import os
import pty
import signal
import subprocess
import sys

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from small_run import small_runner

from eca_mm.engine import RunStopped, exit_status
from eca_mm.engine.resume import newest_checkpoint

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@HOOKS.register_module(force=True)
class Signal(Hook):
    """Sends a signal to this process when an iteration begins."""

    def __init__(self, at: int, number: int) -> None:
        self.at = at
        self.number = number

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == self.at:
            os.kill(os.getpid(), self.number)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each


@pytest.fixture(autouse=True)
def heard():
    """Hear what is ignored under nohup, or in the background of a script."""
    usual = {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, how) for number, how in usual.items()}
    yield
    for number, how in before.items():
        signal.signal(number, how)


@pytest.mark.parametrize(
    ('number', 'at'),
    [(signal.SIGTERM, 1), (signal.SIGINT, 5), (signal.SIGHUP, 7), (signal.SIGTERM, 7)],
)
def test_saved_and_resumed(tmp_path, number, at):
    hook = dict(interval=1, max_keep_ckpts=1)
    seed = dict(randomness=dict(seed=1))
    whole = small_runner(tmp_path / 'whole', hook, **seed)
    whole.train()
    handlers = [signal.getsignal(number) for number in SIGNALS]
    stop = dict(type='Signal', at=at, number=number)
    work_dir = tmp_path / 'stopped'
    with pytest.raises(RunStopped, match=f'after iteration {at + 1}: ') as error:
        small_runner(work_dir, hook, hooks=[stop], **seed).train()
    assert error.value.status == 128 + number
    assert [signal.getsignal(number) for number in SIGNALS] == handlers
    last = newest_checkpoint(work_dir)
    assert last == work_dir / 'interrupted.pth'
    assert torch.load(last, weights_only=True)['meta']['iter'] == at + 1
    runner = small_runner(work_dir, hook, resume=True, load_from=str(last), **seed)
    runner.train()
    ends = [run.model.state_dict() for run in (whole, runner)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert {path.name for path in work_dir.glob('*.pth')} == {'epoch_3.pth'}


# 3 iterations a step, and 4 an epoch: the steps end at 3, 6, 9 and with the run.
@pytest.mark.parametrize(('at', 'stops_at'), [(0, 3), (2, 3), (3, 6), (6, 9), (10, 12)])
def test_waits_for_the_step_of_the_optimiser(tmp_path, at, stops_at):
    settings = dict(
        optim_wrapper=dict(accumulative_counts=3), randomness=dict(seed=1),
    )  # fmt: skip
    whole = small_runner(tmp_path / 'whole', dict(interval=9), **settings)
    whole.train()
    stop = dict(type='Signal', at=at, number=signal.SIGTERM)
    work_dir = tmp_path / 'stopped'
    with pytest.raises(RunStopped, match=f'after iteration {stops_at}: '):
        small_runner(work_dir, dict(interval=9), hooks=[stop], **settings).train()
    last = newest_checkpoint(work_dir)
    runner = small_runner(
        work_dir, dict(interval=9), resume=True, load_from=str(last), **settings
    )
    runner.train()
    ends = [run.model.state_dict() for run in (whole, runner)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_ignored_hangup_stays_ignored(tmp_path):
    """As nohup starts a run."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        hangup = dict(type='Signal', at=1, number=signal.SIGHUP)
        small_runner(tmp_path, dict(interval=1), hooks=[hangup], epochs=1).train()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize('becomes', [None, SyntaxError])
def test_before_the_run_saves(capsys, becomes):
    """A Ctrl-C while the tool starts; mmengine's formatting of configs alters it."""

    def main() -> None:
        try:
            raise KeyboardInterrupt
        except BaseException:
            raise becomes or KeyboardInterrupt  # noqa: B904

    assert exit_status(main) == 130
    assert capsys.readouterr().err == 'stopped: by SIGINT\n'


def test_nothing_is_saved_twice(tmp_path):
    stop = dict(type='Signal', at=2, number=signal.SIGTERM)
    with pytest.raises(RunStopped, match='resume from .*iter_3.pth'):
        small_runner(tmp_path, dict(interval=1, by_epoch=False), hooks=[stop]).train()
    assert not (tmp_path / 'interrupted.pth').exists()


RUN = """
import sys, time, traceback
from contextlib import suppress
from small_run import Small, small_runner
from eca_mm.engine import exit_status

class Slow(Small):
    def forward(self, *args, **kwargs):
        time.sleep(0.2)
        if not hasattr(self, 'told'):
            self.told = True
            with suppress(OSError):  # the terminal may be closed while it prints
                print('step', flush=True)
        return super().forward(*args, **kwargs)

small_runner.__globals__['Small'] = Slow

def train():
    try:
        small_runner('.', dict(interval=1), workers=1, epochs=99).train()
    except BaseException:  # for the test to show where the terminal cannot
        with open('trace.txt', 'w') as file:
            traceback.print_exc(file=file)
        raise

sys.exit(exit_status(train))
"""


@pytest.mark.parametrize('number', SIGNALS[:2])
def test_signal_to_the_whole_group(tmp_path, number):
    """As a terminal and a scheduler send it: the data workers get it too."""
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    run = subprocess.Popen(
        [sys.executable, '-c', RUN], cwd=tmp_path, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=path),
    )  # fmt: skip
    while run.stdout.readline() != 'step\n':
        assert run.poll() is None
    os.killpg(run.pid, number)
    try:
        _, stderr = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 128 + number, stderr
    (line,) = [text for text in stderr.splitlines() if text.startswith('stopped: ')]
    assert f'by {number.name} after iteration' in line
    assert 'Traceback' not in stderr
    assert newest_checkpoint(tmp_path).name == 'interrupted.pth'


@pytest.mark.skipif(
    'CI' in os.environ,
    reason='ended with status 1 twice within the whole suite, and never alone or under '
    'load: not understood yet',
)
def test_terminal_that_is_closed(tmp_path):
    """SIGHUP comes with it, and nothing that is printed can be written any more."""
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    mine, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, '-c', RUN], cwd=tmp_path, start_new_session=True,
        stdout=theirs, stderr=theirs,
        env=dict(os.environ, PYTHONPATH=path),
    )  # fmt: skip
    os.close(theirs)
    text = b''
    while b'step\r\n' not in text:
        text += os.read(mine, 1000)
    os.killpg(run.pid, signal.SIGHUP)
    os.close(mine)
    try:
        status = run.wait(timeout=60)
    finally:
        run.kill()
    assert status == 129, (tmp_path / 'trace.txt').read_text()
    assert newest_checkpoint(tmp_path).name == 'interrupted.pth'
