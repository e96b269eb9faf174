"""One run's job, in this process and as submitit starts it."""

import fcntl
import json
import os
import signal
import sys
import threading
import time

import pytest

from eca_mm.campaign.job import LOCK, Job, last_words


def job_of(folder, *scripts) -> Job:
    """A job whose commands are short scripts of Python: train, then test."""
    names = ('train', 'test')
    commands = {
        n: [sys.executable, '-c', s] for n, s in zip(names, scripts, strict=False)
    }
    work_dir = folder / 'run'
    work_dir.mkdir(exist_ok=True)
    return Job(commands, str(folder), str(work_dir), dict(COLOUR='red'), str(folder))


def test_train_then_test(tmp_path):
    train = (
        'import os; open("train", "w").write(os.environ["COLOUR"]);'
        'open("run/last_checkpoint", "w").write("/elsewhere/epoch_3.pth")'
    )
    test = 'import sys; open("test", "w").write(sys.argv[1])'
    told = job_of(tmp_path, train, test)()
    assert (told['stage'], told['status'], told['words']) == ('test', 0, '')
    assert json.loads((tmp_path / 'job.json').read_text()) == told
    assert (tmp_path / 'train').read_text() == 'red'
    assert (tmp_path / 'test').read_text() == str(tmp_path / 'run/epoch_3.pth')


def test_a_failure_ends_it_with_its_last_words(tmp_path):
    (tmp_path / 'run.log').write_text('ValueError: of the try before\n')
    told = job_of(tmp_path, 'print("so far"); 1 / 0', 'open("test", "w")')()
    assert (told['stage'], told['status']) == ('train', 1)
    assert told['words'] == 'status 1: ZeroDivisionError: division by zero'
    assert not (tmp_path / 'test').exists()


@pytest.mark.parametrize(
    ('text', 'status', 'words'),
    [
        ('a\nerror: no data: get them\nwarnings.warn(\n', 2,
         'status 2: error: no data: get them'),
        ('a\n\n b  c\n', 1, 'status 1: b c'),
        ('', 137, 'ended by SIGKILL (out of memory?): it said nothing'),
        ('torch.cuda.OutOfMemoryError: no\n', 1,
         'status 1: torch.cuda.OutOfMemoryError: no'),
        ('stopped: the loss is NaN\n', 1, 'status 1: stopped: the loss is NaN'),
        ('x' * 1000, 139, 'ended by SIGSEGV: ' + 'x' * 300),
    ],
)  # fmt: skip
def test_last_words(tmp_path, text, status, words):
    (tmp_path / 'log').write_text('error: of before\n' + text)
    assert last_words(tmp_path / 'log', len('error: of before\n'), status) == words


SAVES = """
import signal, sys, time
def save(number, frame):
    time.sleep(0.2); print('saved', flush=True); sys.exit(143)
signal.signal(signal.SIGTERM, save)
print('ready', flush=True)
time.sleep(60)
"""


def when_ready(folder, do) -> threading.Thread:
    def wait():
        log = folder / 'run.log'
        while not (log.exists() and 'ready' in log.read_text()):
            time.sleep(0.01)
        do()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_command_save(tmp_path, number, monkeypatch):
    heard = []
    monkeypatch.setitem(os.environ, 'SUBMITIT_EXECUTOR', 'local')
    before = signal.signal(number, lambda n, frame: heard.append(n))
    try:
        when_ready(tmp_path, lambda: os.kill(os.getpid(), number))
        told = job_of(tmp_path, SAVES, 'open("test", "w")')()
    finally:
        signal.signal(number, before)
    assert told['status'] == 143 and heard == [number]
    assert (tmp_path / 'run.log').read_text() == 'ready\nsaved\n'
    assert not (tmp_path / 'test').exists()


def test_before_it_is_requeued_the_command_saves(tmp_path):
    """submitit asks for a checkpoint in a handler of signals, within the wait."""
    job, again = job_of(tmp_path, SAVES), []

    def warned(number, frame):
        again.append(job.checkpoint().function)
        again.append((tmp_path / 'run.log').read_text())  # as it goes back to submitit

    before = signal.signal(signal.SIGUSR2, warned)
    try:
        when_ready(tmp_path, lambda: os.kill(os.getpid(), signal.SIGUSR2))
        job()
    finally:
        signal.signal(signal.SIGUSR2, before)
    same, log = again
    assert log == 'ready\nsaved\n'
    assert same.commands == job.commands and same.folder == job.folder


def test_slurms_signals_do_not_end_a_command(tmp_path):
    """Slurm warns all processes of a job, which ends those that do not know it."""
    script = 'import os, signal; os.kill(os.getpid(), signal.SIGUSR2)'
    assert job_of(tmp_path, script)()['status'] == 0


def test_slurm_itself_tells_all_processes(tmp_path, monkeypatch):
    """The command hears SIGTERM once: a second one would end it before it saves."""
    monkeypatch.setitem(os.environ, 'SUBMITIT_EXECUTOR', 'slurm')
    script = 'import time; print("ready", flush=True); time.sleep(0.3)'
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        when_ready(tmp_path, lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert job_of(tmp_path, script)()['status'] == 0
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_job_waits_for_what_is_left_of_the_one_before(tmp_path):
    """A killed job's command lives on, with the lock; what it did is not repeated."""
    lock = open(tmp_path / LOCK, 'w')  # noqa: SIM115  (closed by another thread)
    fcntl.flock(lock, fcntl.LOCK_EX)
    began = time.monotonic()

    def end():
        time.sleep(0.2)
        (tmp_path / 'job.json').write_text('{"status": 0, "by": "another"}')
        lock.close()

    threading.Thread(target=end, daemon=True).start()
    told = job_of(tmp_path, 'open("train", "w")')()
    assert time.monotonic() - began >= 0.2
    assert told['by'] == 'another' and not (tmp_path / 'train').exists()
