"""Ends of a run that come from outside of it, in one line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import RunStopped

GO_ON = 'go on from the last checkpoint with --resume'


class Accident(RunStopped):
    """Something happened to this rank's process or files; the others do not know."""

    of_one_rank = True


@contextmanager
def told_in_one_line(work_dir: str | Path) -> Iterator[None]:
    """Turn what follows from an accident into a line that says what it was.

    Raises:
        Accident: The work dir was removed, or a data worker was killed.
    """
    folder = Path(work_dir).absolute()
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and not folder.is_dir():
            raise Accident(
                f'the work dir {work_dir} was removed while the run was at work in it: '
                'start it again'
            ) from error
        line = worker_line(str(error))
        if line:
            raise Accident(line) from error
        raise


def worker_line(text: str) -> str:
    """What ended a data worker, by torch's words of it; '' if none was ended."""
    found = re.search(
        r'DataLoader worker \(pid (\d+)\) is killed by signal: (.+)', text
    )
    if found:
        pid, name = found[1], found[2].split('.')[0]
        remedies = {
            'Killed': 'out of memory? lower num_workers or batch_size, and ',
            'Bus error': 'no shared memory left? enlarge /dev/shm or lower '
            'num_workers, and ',
        }
        remedy = remedies.get(name, '')
        return f'data worker {pid} was ended by a signal ({name}): {remedy}{GO_ON}'
    if re.search(r'DataLoader worker \(pid\(s\) .+\) exited unexpectedly', text):
        return f'a data worker ended by itself, see above: {GO_ON}'
    return ''
