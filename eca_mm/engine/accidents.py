"""What stops a run from outside, reported in one line."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch.utils.data._utils import signal_handling

from eca_mm.errors import RunStopped

REMOVED = 'was removed while the run was at work in it'
GO_ON = 'resume from the last checkpoint with --resume'
MEMORY = 'out of memory? lower num_workers or batch_size'
REMEDIES = {
    'Killed': f'{MEMORY}, and {GO_ON}',
    'Bus error': 'no shared memory left? enlarge /dev/shm or lower num_workers, and '
    f'{GO_ON}',
}


class Accident(RunStopped):
    """Something happened to this rank's process or files; other ranks do not know."""

    of_one_rank = True


@contextmanager
def told_in_one_line(work_dir: str | Path) -> Iterator[None]:
    """Turn the errors that an accident causes into one line that names the accident.

    Raises:
        Accident: The work dir was removed, or a data worker was killed.
    """
    folder = Path(work_dir).absolute()
    # Twice: torch raises again from the signal of a worker that ended, wherever the
    # program is by then, which may be in the handling of the first error.
    with told(folder), told(folder):
        yield


@contextmanager
def told(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, RuntimeError) as error:
        line = what_happened(error, folder)
        if line:
            raise Accident(line) from error
        raise


def what_happened(error: Exception, folder: Path) -> str:
    """The accident that caused an error; '' if there was none."""
    if isinstance(error, OSError) and not folder.is_dir():
        return f'the work dir {folder} {REMOVED}: start it again'
    text = str(error)
    if isinstance(error, (ConnectionError, EOFError)):  # a batch of a dead worker's
        text = failed_worker()
    line = worker_line(text)
    if line and threading.current_thread() is threading.main_thread():
        # The run is over; torch would raise from the signals of all other workers.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return line


def failed_worker(patience: float = 1.0) -> str:
    """torch's message on a worker that was killed, which it may not have noticed yet.

    Args:
        patience: Seconds to wait for it.
    """
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            signal_handling._error_if_any_worker_fails()
        except RuntimeError as error:
            return str(error)
        time.sleep(0.02)
    return ''


def worker_line(text: str) -> str:
    """What ended a data worker, according to torch's message; '' if nothing did."""
    found = re.search(
        r'DataLoader worker \(pid (\d+)\) is killed by signal: (.+)', text
    )
    if found:
        pid, name = found[1], found[2].split('.')[0]
        remedy = REMEDIES.get(name, GO_ON)
        return f'data worker {pid} was ended by a signal ({name}): {remedy}'
    found = re.search(r'DataLoader worker \(pid\(s\) (.+)\) exited unexpectedly', text)
    if found:
        return (
            f'data worker {found[1]} ended unexpectedly: if nothing above says why, it '
            f'was killed: {REMEDIES["Killed"]}'
        )
    return ''
