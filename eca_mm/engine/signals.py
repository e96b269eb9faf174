"""Signals that ask a command to stop: which they are, and how to hear them."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = tuple(
    getattr(signal, name)
    for name in ('SIGTERM', 'SIGINT', 'SIGHUP')
    if hasattr(signal, name)  # Windows has no SIGHUP
)


@contextmanager
def heard(receive: Callable) -> Iterator[None]:
    """Call a function at SIGTERM, Ctrl-C and a closed terminal (not under nohup)."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows signal handlers there only
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    mine = [n for n, handler in before.items() if handler is not signal.SIG_IGN]
    for number in mine:
        signal.signal(number, receive)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])
