"""One run a work dir: two would remove each other's files.

The file ``.run.lock`` names host and process of the run. On one host the kernel keeps
the lock, and lets go of it however the process ends. Other hosts may not see that lock
(it depends on the file system), so the run also touches the file: one that nobody has
touched for two minutes is of a run that is gone.
"""

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eca_mm.errors import RequestError

from .ranks import is_first_rank

NAME = '.run.lock'
OPTION = '--work-dir'
BEAT = 20  # seconds between two touches
GONE = 120  # seconds without one; clocks of file servers differ by less

# By this process: closing any descriptor of such a file would give its lock away.
held: set[Path] = set()


@contextmanager
def only_run(work_dir: str | Path, option: str = OPTION) -> Iterator[None]:
    """Keep other runs out of a work dir; the first rank does so for its job.

    A process that has it may ask for it again.

    Args:
        option: What names the folder on the command line.

    Raises:
        RequestError: Another run is at work in it.
    """
    path = Path(work_dir).absolute() / NAME
    if not is_first_rank() or path in held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = acquire(path, option)
    held.add(path)
    done = threading.Event()
    threading.Thread(target=touch, args=(path, done), daemon=True).start()
    try:
        yield
    finally:
        done.set()
        held.discard(path)
        with suppress(OSError):  # the work dir may be gone
            path.unlink(missing_ok=True)
        os.close(descriptor)


def other_run(work_dir: str | Path) -> str:
    """Who is at work in a work dir, in one line with the remedy, or ''."""
    path = Path(work_dir).absolute() / NAME
    if path in held:
        return ''
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:  # none, or none that could be kept
        return ''
    try:
        return holder(path, descriptor)
    finally:
        os.close(descriptor)


def acquire(path: Path, option: str) -> int:
    """Take the lock; the descriptor that holds it.

    Raises:
        RequestError: Another run has it.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        other = holder(path, descriptor, option)
        if other:
            os.close(descriptor)
            raise RequestError(other)
        with suppress(FileNotFoundError):
            # Its last holder may have removed the file meanwhile.
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                break
        os.close(descriptor)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(this_process()).encode(), 0)
    return descriptor


def holder(path: Path, descriptor: int, option: str = OPTION) -> str:
    """Who has the lock, in one line, or '' if this process has it now."""
    is_held = False
    try:
        # Of the process, and not of what it forks: data workers outlive it by seconds.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        is_held = True
    except OSError:  # a file system without locks
        pass
    run = read(descriptor)
    age = time.time() - os.fstat(descriptor).st_mtime
    me = this_process()
    is_elsewhere = run.get('host', me['host']) != me['host'] and age < GONE
    # A job that a scheduler starts again on another host has its number still.
    is_same_job = run.get('job') and run['job'] == me['job']
    if not is_held and (not is_elsewhere or is_same_job):
        return ''
    who = f'process {run.get("pid", "?")} on {run.get("host", "?")}'
    remedy = f'wait for it, or name another {option}'
    if not is_held:
        remedy += f'; if it was killed, go on in {GONE} s, or remove {path}'
    since = f', since {run["since"]}' if 'since' in run else ''
    return f'{path.parent} is in use by another run ({who}{since}): {remedy}'


def read(descriptor: int) -> dict:
    try:
        found = json.loads(os.pread(descriptor, 1000, 0))
    except ValueError:  # just made, or by something else
        return {}
    return found if isinstance(found, dict) else {}


def this_process() -> dict:
    return dict(
        host=socket.gethostname(),
        pid=os.getpid(),
        since=time.strftime('%Y-%m-%d %H:%M:%S'),
        job=os.environ.get('SLURM_JOB_ID', ''),
    )


def touch(path: Path, done: threading.Event) -> None:
    while not done.wait(BEAT):
        with suppress(OSError):
            os.utime(path)
