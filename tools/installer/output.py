"""What is shown while the installer runs, and the error that ends a run."""

import contextlib
import re
import sys
import time

NINJA = re.compile(r'^\s*\[(\d+)/(\d+)\] ', re.MULTILINE)


class InstallError(Exception):
    """Something the reader can mend. The message says what and how, in one line."""


def note(text: str) -> None:
    """Print a remark under the current step."""
    print(f'      {text}', flush=True)


def clock(seconds: float) -> str:
    """Minutes and seconds, as in 6:02."""
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


class Steps:
    """Announces numbered steps, and what each of them took."""

    def __init__(self, total: int) -> None:
        self.number, self.total = 0, total

    @contextlib.contextmanager
    def __call__(self, title: str):
        begin = time.monotonic()
        self.number += 1
        print(f'[{self.number}/{self.total}] {title}', flush=True)
        yield
        note(f'done in {clock(time.monotonic() - begin)}')


class Progress:
    """A running command on one line: elapsed time, and how far where ninja counts.

    On a terminal the line is rewritten; elsewhere one is printed every 5 %, or every
    30 s while nothing counts.
    """

    def __init__(self, out=None) -> None:
        self.out = out or sys.stdout
        self.begin = time.monotonic()
        self.done = self.total = 0
        self.first = None  # (time, count) when counting was first seen
        self.rest = ''  # a line that is not complete yet
        self.printed = ('seconds', 0)

    def __call__(self, text: str) -> None:
        """Take the output that is new since the last call."""
        lines, _, self.rest = (self.rest + text).rpartition('\n')
        for done, total in NINJA.findall(lines):
            self.done, self.total = int(done), int(total)
            self.first = self.first or (time.monotonic(), self.done)
        if self.out.isatty():
            self.out.write(f'\r\x1b[K      {self.line()}')
            self.out.flush()
        elif self.mark() != self.printed:
            self.printed = self.mark()
            print(f'      {self.line()}', file=self.out, flush=True)

    def mark(self) -> tuple[str, int]:
        """Changes with every 5 % that are done, before that with every 30 s."""
        if self.total:
            return 'files', 20 * self.done // self.total
        return 'seconds', int(time.monotonic() - self.begin) // 30

    def line(self) -> str:
        """Elapsed time; with a count also done/total, percentage and time left."""
        now = time.monotonic()
        if not self.total:
            return f'{clock(now - self.begin)} ...'
        text = f'{self.done}/{self.total}  {100 * self.done // self.total} %'
        text += f'  elapsed {clock(now - self.begin)}'
        since, count = self.first
        if self.done > count:
            left = (now - since) / (self.done - count) * (self.total - self.done)
            text += f'  left about {clock(left)}'
        return text

    def close(self) -> None:
        """Leave no unfinished line on a terminal."""
        if self.out.isatty():
            self.out.write('\r\x1b[K')
