"""Runs as processes of their own, forked so that nothing is imported twice."""

import faulthandler
import logging
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

# Imported by a run when it needs them; here once, before it is forked.
import matplotlib.backends.backend_agg  # noqa: F401
import matplotlib.figure  # noqa: F401
import torch._dynamo  # noqa: F401

from eca_mm.engine import exit_status

PATIENCE = 120  # seconds; a run takes 2 on an idle core


def chance(name: object) -> random.Random:
    """Random numbers that follow from the suite's seed and a name."""
    return random.Random(f'{os.environ.get("FAULTS_SEED", 0)} {name}')


def forked(work: Callable[[], int | None], log: Path) -> int:
    """Call a function in a new process that ends as a tool does; return its id.

    Args:
        log: What it prints goes to the end of this file.
    """
    # A signal that comes at once is to find the function, not the making of a process.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = as_a_tool(work, log)
        finally:
            os._exit(status)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    return pid


def as_a_tool(work: Callable[[], int | None], log: Path) -> int:
    # Under nohup, or in the background of a script, the suite itself ignores these.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stream = log.open('a', buffering=1)
    os.dup2(stream.fileno(), 1)
    os.dup2(stream.fileno(), 2)
    sys.stdout = sys.stderr = stream
    faulthandler.dump_traceback_later(PATIENCE - 10, file=stream)  # if it hangs
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        return exit_status(work)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        logging.shutdown()


def has_ended(pid: int) -> bool:
    """Whether a process has ended; its status stays to be asked for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def status_of(pid: int) -> int:
    """Wait for a process; its exit status, or 128 and the signal, as a shell says."""
    deadline = time.monotonic() + PATIENCE
    while not has_ended(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise TimeoutError(f'process {pid} did not end within {PATIENCE} s')
        time.sleep(0.002)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


class progress:
    """Where the driver listens: how many tries are done."""

    @staticmethod
    def advance(tries: int = 1) -> None:
        """Replaced by the driver."""


def each(
    work: Callable, tasks: Sequence, jobs: int, tries: Sequence[int] | None = None
) -> list:
    """The results of ``work(task)`` in the order of the tasks.

    Args:
        jobs: How many processes work side by side.
        tries: How many of the fault each task has, for the progress; by default 1.
    """
    with ProcessPoolExecutor(jobs, mp_context=get_context('fork')) as pool:
        futures = [pool.submit(work, task) for task in tasks]
        counts = dict(zip(futures, tries or [1] * len(tasks), strict=True))
        for future in as_completed(futures):
            future.result()
            progress.advance(counts[future])
    return [future.result() for future in futures]
