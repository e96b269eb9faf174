"""Runs that are hit again and again, and continue after each hit."""

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

from processes import chance, each, forked, has_ended, status_of
from slow_disk import SLOW_SAVE
from subject import ITERATIONS, Watch, end_state, loss, same, train


@dataclass(frozen=True)
class Anytime:
    """A signal at a moment drawn evenly from what the run has before it."""

    number: int

    def settings(self, chance: Random) -> dict:
        return {}

    def strike(self, pid: int, watch: Watch, seconds: float, chance: Random) -> None:
        wait(pid, chance.uniform(0, seconds))
        os.kill(pid, self.number)


class InSave(Anytime):
    """A signal at a moment within a save, to which a slow disk gives the time."""

    def settings(self, chance: Random) -> dict:
        return dict(slow_from=chance.randint(1, 8))

    def strike(self, pid: int, watch: Watch, seconds: float, chance: Random) -> None:
        while not (watch.is_slow or has_ended(pid)):
            time.sleep(0.0005)
        wait(pid, chance.uniform(0, SLOW_SAVE))
        os.kill(pid, self.number)


@dataclass(frozen=True)
class Whole:
    """A run that nothing hits.

    Attributes:
        state: What it leaves.
        start, rest: Seconds until its first iteration, and from there to the end.
        settings: Of :func:`subject.train`, for this run and those to be hit.
    """

    state: dict
    start: float
    rest: float
    settings: dict


@dataclass(frozen=True)
class Task:
    """So many hits on runs in ``folder``, one run after another."""

    name: str
    folder: Path
    times: int
    hitter: Anytime
    whole: Whole
    moves: bool = False  # whether the work dir gets another name after each hit


@dataclass
class Tally:
    """What came of the hits."""

    phases: Counter = field(default_factory=Counter)  # where the run was
    losses: Counter = field(default_factory=Counter)  # what is lost, in words
    halves: int = 0  # hits that left a file half written, under a temporary name
    ends: Counter = field(default_factory=Counter)  # as the whole run: True or False

    @property
    def hits(self) -> int:
        return self.phases.total()

    def __add__(self, other: 'Tally') -> 'Tally':
        return Tally(
            self.phases + other.phases,
            self.losses + other.losses,
            self.halves + other.halves,
            self.ends + other.ends,
        )


def whole_run(work_dir: Path, **settings) -> Whole:
    """Train without a hit.

    Raises:
        RuntimeError: It fails.
    """
    watch, log = Watch(), work_dir.with_suffix('.log')
    begin = time.monotonic()
    pid = forked(partial(train, work_dir, watch, **settings), log)
    while watch.phase == 'start-up' and not has_ended(pid):
        time.sleep(0.001)
    start = time.monotonic() - begin
    if status_of(pid):
        raise RuntimeError(log.read_text())
    rest = time.monotonic() - begin - start
    return Whole(end_state(work_dir), start, rest, settings)


def hit_often(tasks: list[Task], jobs: int) -> Tally:
    """All hits of the tasks, several tasks side by side."""
    return sum(each(hit, tasks, jobs, [task.times for task in tasks]), Tally())


def hit(task: Task) -> Tally:
    """Start runs, each until its end, until they were hit often enough."""
    tally, random = Tally(), chance(task.name)
    numbers = count()  # a run that is over before it is hit leaves its work dir
    while tally.hits < task.times:
        tally += one_run(task, task.times - tally.hits, f'{next(numbers)}', random)
    return tally


def one_run(task: Task, times: int, name: str, random: Random) -> Tally:
    """Train from the beginning to the end, with at most so many hits on the way."""
    work_dir = task.folder / task.name / name
    log = task.folder / task.name / f'{name}.log'
    log.parent.mkdir(parents=True, exist_ok=True)
    tally, saved = Tally(), (0, 0)
    while True:
        watch = Watch()
        settings = dict(task.whole.settings)
        if tally.hits < times:
            settings |= task.hitter.settings(random)
        pid = forked(partial(train, work_dir, watch, **settings), log)
        if tally.hits < times:
            rest = task.whole.rest * (1 - saved[0] / ITERATIONS)
            task.hitter.strike(pid, watch, task.whole.start + rest, random)
        status = status_of(pid)
        if status != 128 + task.hitter.number:
            return tally + ending(task, status, work_dir, log, tally)
        tally.phases[watch.phase] += 1
        tally.halves += bool([*work_dir.glob('.*.tmp.pth')])
        saved = tuple(map(max, saved, watch.saved))
        lost = loss(work_dir, *saved)
        if lost:
            tally.losses[lost] += 1
            return tally  # it would have to start over
        if task.moves and work_dir.exists():
            work_dir = work_dir.rename(work_dir.with_name(f'{work_dir.name}_'))


def ending(task: Task, status: int, work_dir: Path, log: Path, tally: Tally) -> Tally:
    """How a run ended that was not hit any more; a wrong end loses all its hits."""
    if not tally.hits:
        return Tally()
    if status:
        last = (log.read_text().splitlines() or [''])[-1]
        lost = f'status {status}: {last}'
    elif not same(end_state(work_dir), task.whole.state):
        lost = 'another end state'
    else:
        return Tally(ends=Counter([True]))
    if task.whole.settings.get('hook'):  # that it is another is known
        return Tally(ends=Counter([False]))
    return Tally(ends=Counter([False]), losses=Counter({lost: tally.hits}))


def wait(pid: int, seconds: float) -> None:
    """Sleep, but not longer than a process lives."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not has_ended(pid):
        time.sleep(min(0.002, seconds))
