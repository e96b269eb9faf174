"""One run in a process of its own, here or on a node of a cluster: train, then test.

It is sent to its process by value (:mod:`.executors`), so it imports nothing of ours:
starting it takes no seconds of torch, and what waits in a queue is not changed by an
edit of this package. What it notes, ``job.json``, is all that the campaign knows of it.
"""

import fcntl
import json
import os
import re
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STOPS = (signal.SIGTERM, signal.SIGINT)
NOTE, LOG, LOCK = 'job.json', 'run.log', 'lock'
# What begins the last thing that a tool says of its own accord, or ends a traceback.
LAST_WORDS = re.compile(r'(error: |stopped: |[\w.]*(Error|Exception|Interrupt)\b)')


class Job:
    """Train and test one run, unless that is done; returns what :data:`NOTE` says.

    Args:
        commands: ``train``, and ``test`` where the training does not end with the
            evaluation that is wanted: it gets the last checkpoint as another word.
        folder: Of the note, the lock and the log.
        work_dir: Of the run.
        environment: Variables to set for the commands.
        cwd: Where relative paths of the config begin.
    """

    def __init__(
        self,
        commands: dict[str, list[str]],
        folder: str,
        work_dir: str,
        environment: dict[str, str],
        cwd: str,
    ) -> None:
        self.commands = commands
        self.folder = folder
        self.work_dir = work_dir
        self.environment = environment
        self.cwd = cwd
        self.child = 0  # process of the command at work
        self.stopped = False
        self.before: dict = {}  # handlers of STOPS

    def __call__(self) -> dict:
        # The commands inherit the lock: it is held while anything of the run lives.
        with open(Path(self.folder) / LOCK, 'w') as self.lock:
            for number in STOPS:  # before the lock, which may be waited for
                self.before[number] = signal.signal(number, self.stop)
            try:
                with suppress(OSError):  # a file system without locks
                    fcntl.flock(self.lock, fcntl.LOCK_EX)
                done = self.noted()  # by another job that the lock was waited for
                return done if done.get('status') == 0 else self.work()
            finally:
                for number, handler in self.before.items():
                    signal.signal(number, handler)

    def work(self) -> dict:
        began, used = time.monotonic(), cpu_of_commands()
        for stage, command in self.commands.items():
            self.note(stage=stage, host=socket.gethostname(), pid=os.getpid())
            if stage == 'test':
                command = [*command, self.last_checkpoint()]
            with open(Path(self.folder) / LOG, 'a') as log:
                start = log.tell()
                status = self.run(command, log)
            if status:
                break
        words = last_words(Path(self.folder) / LOG, start, status) if status else ''
        spent = dict(
            seconds=round(time.monotonic() - began, 1),
            cpu_seconds=round(cpu_of_commands() - used, 1),
        )
        return self.note(stage=stage, status=status, words=words, **spent)

    def run(self, command: list[str], log) -> int:
        """Run a command to its end; its status, as a shell gives it."""
        with blocked(*STOPS):  # it is to find the command, or no command
            if self.stopped:
                return 128 + signal.SIGTERM
            process = subprocess.Popen(
                command, cwd=self.cwd, env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[self.lock.fileno()], start_new_session=not in_slurm(),
                preexec_fn=own_signals,
            )  # fmt: skip
            self.child = process.pid
        code = process.wait()
        self.child = 0
        return code if code >= 0 else 128 - code

    def stop(self, number: int, frame) -> None:
        """Let the command save and end, and the job after it; tell who else listens.

        Slurm tells all processes of a job, and a second signal would end the command
        before it has saved.
        """
        if not self.stopped and not in_slurm():
            self.tell_child()
        self.stopped = True
        handler = self.before.get(number)
        if callable(handler):
            handler(number, frame)

    def tell_child(self) -> None:
        with suppress(ProcessLookupError):  # it has just ended
            if self.child:
                os.kill(self.child, signal.SIGTERM)

    def checkpoint(self):
        """Before submitit requeues the job: let the command save and end.

        submitit calls this where a signal has struck, which may be within
        ``Popen.wait``: that may not be called again.
        """
        from submitit.helpers import DelayedSubmission

        self.tell_child()
        with suppress(ChildProcessError):
            if self.child:
                os.waitid(os.P_PID, self.child, os.WEXITED | os.WNOWAIT)
        again = (self.commands, self.folder, self.work_dir, self.environment, self.cwd)
        return DelayedSubmission(type(self)(*again))

    def last_checkpoint(self) -> str:
        text = (Path(self.work_dir) / 'last_checkpoint').read_text()
        return str(Path(self.work_dir) / Path(text.strip()).name)

    def noted(self) -> dict:
        try:
            return json.loads((Path(self.folder) / NOTE).read_text())
        except (OSError, ValueError):
            return {}

    def note(self, **content) -> dict:
        path = Path(self.folder) / NOTE
        temporary = path.with_name(f'.{NOTE}.tmp')
        temporary.write_text(json.dumps(content))
        os.replace(temporary, path)
        return content


@contextmanager
def blocked(*signals: signal.Signals) -> Iterator[None]:
    """Let signals wait; processes that are started inside let them wait for good."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def own_signals() -> None:
    """In a command that begins: hear what is blocked in its job, and not Slurm's."""
    # They warn submitit, in the same job, and would end whoever does not know them.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def cpu_of_commands() -> float:
    """Seconds of CPU of the commands that have ended, and of their processes."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def in_slurm() -> bool:
    """Whether Slurm runs this job, and not only what started it."""
    return os.environ.get('SUBMITIT_EXECUTOR') == 'slurm'


def last_words(log: Path, start: int, status: int) -> str:
    """Why a command failed, in one line of what it printed from ``start`` on."""
    if status > 128 and status - 128 in list(signal.Signals):
        name = signal.Signals(status - 128).name
        ended = f'ended by {name}' + (' (out of memory?)' if name == 'SIGKILL' else '')
    else:
        ended = f'status {status}'
    with log.open('rb') as file:
        file.seek(max(start, log.stat().st_size - 20_000))
        lines = file.read().decode(errors='replace').splitlines()
    lines = [' '.join(line.split()) for line in lines if line.strip()]
    telling = [line for line in lines if LAST_WORDS.match(line)]
    words = (telling or lines or ['it said nothing'])[-1]
    return f'{ended}: {words[:300]}'
