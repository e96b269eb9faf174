"""torchrun, ending with the last words and the exit status of the rank that failed.

usage: python tools/launch.py [arguments of torchrun] SCRIPT [arguments of the script]

When a rank fails, torchrun sends SIGTERM to the others and kills what is left of them
after 30 s. What the ranks print on stderr is shown with their number.
"""

import os
import re
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import (
    ChildFailedError,
    ProcessFailure,
)
from torch.distributed.run import parse_args, run

LINES = 20
# What begins the last thing that a rank says of its own accord.
BEGINNINGS = ('Traceback ', 'stopped: ', 'error: ')


def main() -> int:
    args = parse_args(sys.argv[1:])
    os.environ['TORCHELASTIC_LOG_LINE_PREFIX_TEMPLATE'] = '[rank ${rank}] '
    with TemporaryDirectory(prefix='ranks_') as folder:
        args.log_dir, args.tee = folder, '2'
        try:
            run(args)
        except ChildFailedError as error:
            rank, failure = first_failure(error.failures)
            words = last_words(Path(folder), failure)
            print(verdict(rank, failure.exitcode, words), file=sys.stderr)
            return shell_status(failure.exitcode)
        except SignalException as stop:  # to this process, which has passed it on
            return 128 + stop.sigval
    return 0


def first_failure(failures: dict[int, ProcessFailure]) -> tuple[int, ProcessFailure]:
    """The rank whose failure made the others fail, as far as can be seen.

    torchrun notes whole seconds. A rank that was killed did not fail because of others,
    unless by SIGTERM, which it is sent then.
    """

    def order(item: tuple[int, ProcessFailure]) -> tuple:
        failure = item[1]
        was_killed = failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM
        return failure.timestamp, not was_killed

    return min(failures.items(), key=order)


def last_words(folder: Path, failure: ProcessFailure) -> list[str]:
    """The end of what a rank has printed on stderr.

    Where all stop together, the first rank alone says why.
    """
    own, first = (end_of_stderr(folder, rank) for rank in (failure.local_rank, 0))
    says_why = own and own[0].startswith(BEGINNINGS)
    if failure.exitcode > 0 and not says_why and first[:1]:
        return first if first[0].startswith(BEGINNINGS[1:]) else own
    return own


def end_of_stderr(folder: Path, local_rank: int) -> list[str]:
    """The last traceback or line of ours, with what follows; else the last lines."""
    lines = [
        re.sub(r'^\[rank\d+\]: ', '', line)  # as torch marks tracebacks
        for path in folder.glob(f'*/attempt_0/{local_rank}/stderr.log')
        for line in path.read_text(errors='replace').splitlines()
    ]
    starts = [i for i, line in enumerate(lines) if line.startswith(BEGINNINGS)]
    return lines[starts[-1] if starts else -LINES :]


def verdict(rank: int, exitcode: int, words: list[str]) -> str:
    if exitcode < 0:
        end = f'was killed by {signal.Signals(-exitcode).name}'
        if exitcode == -signal.SIGKILL:
            end += ' (out of memory?)'
    else:
        end = f'ended with status {exitcode}'
    said = 'its last words:' if words else 'it said nothing on stderr'
    return '\n'.join([f'rank {rank} {end}, and the job with it; {said}', *words])


def shell_status(exitcode: int) -> int:
    """As a shell gives it: 128 and the signal for a process that was killed."""
    return exitcode if exitcode >= 0 else 128 - exitcode


if __name__ == '__main__':
    sys.exit(main())
