"""The exit status of a tool, and one line for errors that are no bugs."""

import logging
import signal
import traceback
import warnings
from collections.abc import Callable

from eca_mm.errors import CheckpointError, RequestError, RunStopped

from .ranks import is_first_rank, leave_gloo, leave_other_ranks, rank_count
from .speech import leave_terminal, print_line, say


def exit_status(main: Callable[[], int | None]) -> int:
    """Run a tool and return its exit status: 2 for a wrong request, else its own.

    A run that fails keeps its traceback, unless it raises :class:`RunStopped`.
    """
    # mmengine reloads pkg_resources for each mmdet:: base and warns each time, which
    # would bury the one line below.
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated', UserWarning)
    logging.raiseExceptions = False  # a full disk: no traceback for each log line
    try:
        return main() or 0
    # The Runner may load a checkpoint that no check has seen.
    except (RequestError, CheckpointError) as error:
        for problem in error.args:
            print_line(f'error: {problem}')
        return 2
    except RunStopped as stop:
        if is_first_rank() or stop.of_one_rank:
            print_line(f'stopped: {stop}')
        if stop.of_one_rank:
            leave_other_ranks(stop.status)
        return stop.status
    except BaseException as error:
        if is_interrupt(error):  # Ctrl-C before the run can save, or a second Ctrl-C
            say('stopped: by SIGINT')
            return 128 + signal.SIGINT
        if isinstance(error, Exception) and rank_count() > 1:
            traceback.print_exc()
            leave_other_ranks(1)
        raise
    finally:
        leave_gloo()
        leave_terminal()


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is a Ctrl-C or was caused by one: mmengine converts it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None
