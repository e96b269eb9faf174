"""Run a command with its output in the log, and explain in one line why it failed."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time

from . import checkout
from .output import InstallError, Progress

REMEDIES = {  # found in a failed command's output: how to fix it
    'No space left on device|Disk quota exceeded': 'free some disk space and run again',
    'externally-managed-environment': 'the system owns this Python: leave out --here',
    r'cuda_runtime\w*\.h: No such': 'point CUDA_HOME at the CUDA toolkit, or use --cpu',
    'Killed signal|Cannot allocate memory': 'memory ran out: run again with --jobs 1',
    'Could not find a version|No matching distribution|ConnectionError|Max retries'
    '|Timeout|HTTPError|SSLError': 'is the package registry reachable? See "pip config '
    'list" and the PIP_* variables; run again to resume',
}


def execute(command: list[str], env: dict[str, str]) -> tuple[int, str]:
    """Run a command, its output added to the log. Returns its status and output."""
    checkout.LOG.parent.mkdir(exist_ok=True)
    jobs = env.get('MAX_JOBS', '')
    progress = Progress(int(jobs) if jobs.isdecimal() else 1)
    with (
        open(checkout.LOG, 'ab', buffering=0) as out,
        open(checkout.LOG, errors='replace') as log,
    ):
        out.write(f'\n$ {shlex.join(command)}\n'.encode())
        start = log.seek(0, os.SEEK_END)
        streams = {'stdout': out, 'stderr': out, 'stdin': subprocess.DEVNULL}
        # A session of its own, so that all its compilers can be stopped together.
        process = subprocess.Popen(
            command, env=env, cwd=checkout.REPO, start_new_session=True, **streams
        )
        try:
            while process.poll() is None:
                time.sleep(0.1)
                progress(log.read())
        finally:
            stop(process)
            progress.close()
        log.seek(start)
        return process.returncode, log.read()


def stop(process: subprocess.Popen) -> None:
    """End a process and its children: SIGINT first, which lets pip clean up."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):  # those that ignore SIGINT
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class CommandError(InstallError):
    """A command that failed: in one line what it said, and the remedy.

    Args:
        what: what it was to do.
        output: all of its output.
    """

    def __init__(self, what: str, output: str) -> None:
        self.output = output
        remedy = find_remedy(output) or 'the log tells more; run again to resume'
        cause = find_cause(output)
        super().__init__(f'{what} failed: {cause}; {remedy} (log: {checkout.LOG})')


def find_cause(output: str) -> str:
    """The line that tells most: the compiler's, a traceback's last, pip's first."""
    compiler = re.findall(r'^.*: (?:fatal )?error: .*$', output, re.MULTILINE)
    traceback = re.findall(r'^\s*[\w.]*Error: .*$', output, re.MULTILINE)
    pip = re.findall(r'^\s*ERROR: .*$', output, re.MULTILINE)
    causes = compiler[:1] + traceback[-1:] + pip[:1] + ['it gave no reason']
    return causes[0].strip()[:200]


def find_remedy(output: str) -> str | None:
    """How to fix it, None where the output does not tell."""
    for sign, remedy in REMEDIES.items():
        if re.search(sign, output):
            return remedy
    return None
