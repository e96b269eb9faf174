"""What is shown while the installer runs, and the error that ends a run."""

import contextlib
import re
import sys
import time

NINJA = re.compile(r'^\s*\[(\d+)/(\d+)\] ', re.MULTILINE)


class InstallError(Exception):
    """Something the reader can fix. The message says what and how, in one line."""


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

    On a terminal the line is rewritten; elsewhere one is printed every 5 %, or
    every 30 s while few things count, or none.

    Args:
        jobs: how many things run at a time. The first of them to end say nothing yet
            about how long the rest will take.
    """

    def __init__(self, jobs: int = 1, out=None) -> None:
        self.jobs, self.out = jobs, out or sys.stdout
        self.begin = time.monotonic()
        self.done = self.total = 0
        self.rest = ''  # a line that is not complete yet
        self.printed = self.mark()

    def __call__(self, text: str) -> None:
        """Take the output that is new since the last call."""
        lines, _, self.rest = (self.rest + text).rpartition('\n')
        for done, total in NINJA.findall(lines):
            self.done, self.total = int(done), int(total)
        if self.out.isatty():
            self.out.write(f'\r\x1b[K      {self.line()}')
            self.out.flush()
        elif self.mark() != self.printed:
            self.printed = self.mark()
            print(f'      {self.line()}', file=self.out, flush=True)

    def mark(self) -> tuple[int, int, int]:
        """Changes with every 5 % of many; with each of a few, and every 30 s."""
        if self.total > 20:
            return self.total, 20 * self.done // self.total, 0
        return self.total, self.done, int(time.monotonic() - self.begin) // 30

    def line(self) -> str:
        """Elapsed time; with a count also done/total, percentage and time left."""
        now = time.monotonic()
        if not self.total:
            return f'{clock(now - self.begin)} ...'
        text = f'{self.done}/{self.total}  {100 * self.done // self.total} %'
        elapsed = now - self.begin
        text += f'  elapsed {clock(elapsed)}'
        # Before, the quick ones have ended, and no others.
        if self.jobs < self.done < self.total:
            half = min(self.jobs, self.total - self.done) / 2  # of what runs now
            ahead = self.total - self.done - half
            left = elapsed / (self.done + half) * ahead
            text += f'  left about {clock(left)}'
        return text

    def close(self) -> None:
        """Leave no unfinished line on a terminal."""
        if self.out.isatty():
            self.out.write('\r\x1b[K')
