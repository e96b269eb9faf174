"""What the process opens, runs and calls while it is watched: Python's audit events."""

import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib

# Programs, connections and code: nothing of it belongs to a report but git, which is
# asked for our own commit.
CALLS = {
    'os.system', 'os.exec', 'os.posix_spawn', 'os.spawn', 'os.fork', 'os.startfile',
    'socket.connect', 'socket.getaddrinfo', 'urllib.Request', 'ctypes.dlopen',
}  # fmt: skip
REPO = Path(__file__).parents[2]


class Watch:
    """One hook for the process, which cannot be taken out again: it can be idle."""

    def __init__(self) -> None:
        self.inside: list[str] | None = None  # folders; None while nothing is watched
        self.found: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, args: tuple) -> None:
        if self.inside is None:
            return
        if event == 'open' and isinstance(args[0], (str, bytes)):
            path = os.path.realpath(os.fsdecode(args[0]))
            if not path.startswith(tuple(self.inside)):
                self.found.append(f'opened {path}')
        elif event == 'exec':
            name = args[0].co_filename
            if os.path.isabs(name) and not name.startswith(PYTHON):
                self.found.append(f'ran {name}')
        elif event in CALLS or (event == 'subprocess.Popen' and args[0] != 'git'):
            self.found.append(f'{event} {str(args[:2])[:200]}')


def folders(*names: str | None) -> tuple[str, ...]:
    return tuple(os.path.realpath(name) + os.sep for name in names if name)


PYTHON = folders(
    sys.prefix, sys.base_prefix, sysconfig.get_path('purelib'), *site.getsitepackages(),
    str(REPO),
)  # fmt: skip
# Fonts, and what the libraries keep of their own.
LIBRARIES = (
    *PYTHON,
    *folders('/usr/share/fonts', '/proc', '/sys', matplotlib.get_cachedir()),
    '/dev/null',
    '/dev/urandom',
)


@contextmanager
def watched(*given: Path) -> Iterator[list[str]]:
    """Collect what is opened outside of the given folders, and whatever is run."""
    watch = only_watch()
    watch.found = []
    watch.inside = [*LIBRARIES, *folders(*map(str, given))]
    try:
        yield watch.found
    finally:
        watch.inside = None


@cache
def only_watch() -> Watch:
    return Watch()
