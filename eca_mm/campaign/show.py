"""The status of a campaign: a table, live in a terminal, or a line for each change."""

import time
from collections import Counter

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .plan import Run
from .status import DONE, FAILED, RUNNING, STATES, WAITING, Status, status_of

COLOURS = {DONE: 'green', RUNNING: 'cyan', WAITING: 'dim', FAILED: 'bold red'}


class Screen:
    """Shows the runs after every look of the campaign."""

    def __init__(self) -> None:
        self.console = Console()
        self.live = Live(console=self.console, auto_refresh=False)
        self.before: dict[Run, str] = {}

    def __enter__(self) -> 'Screen':
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *error) -> None:
        self.live.stop()

    def show(self, runs: list[Run]) -> None:
        found = {run: status_of(run) for run in runs}
        if self.console.is_terminal:
            self.live.update(table_of(list(found.values())), refresh=True)
            return
        for run, status in found.items():
            line = line_of(status)
            # Its place changes all the time, and is no news.
            news = status.state if status.state == RUNNING else line
            is_new = run in self.before or status.state != WAITING
            if is_new and news != self.before.get(run):
                self.print(line)
            self.before[run] = news

    def print(self, line: str) -> None:
        clock = time.strftime('%H:%M:%S')
        self.console.print(f'{clock} {line}', markup=False, highlight=False,
                           soft_wrap=True)  # fmt: skip


def line_of(status: Status) -> str:
    """A run in one line."""
    what = ': '.join(filter(None, (status.state, status.note)))
    parts = [what, scores_line(status), *clock_line(status)]
    return f'{status.row}, seed {status.seed}: ' + ', '.join(filter(None, parts))


def scores_line(status: Status) -> str:
    return ', '.join(f'{kind} AP {ap:.1f}' for kind, ap in status.scores.items())


def clock_line(status: Status) -> list[str]:
    return [] if status.eta is None else [f'{duration(status.eta)} left']


def duration(seconds: float) -> str:
    """Hours and minutes, or minutes and seconds."""
    minutes, s = divmod(round(seconds), 60)
    h, m = divmod(minutes, 60)
    return f'{h} h {m:02} min' if h else f'{m} min {s:02} s'


def table_of(found: list[Status]) -> Group:
    """A line for each row of the comparison, a column for each seed."""
    seeds = list(dict.fromkeys(status.seed for status in found))
    table = Table('row', *(f'seed {seed}' for seed in seeds))
    cells = {(status.row, status.seed): cell(status) for status in found}
    for row in dict.fromkeys(status.row for status in found):
        table.add_row(row, *(cells.get((row, seed), '') for seed in seeds))
    return Group(table, summary(found), *map(reason, failures(found)))


def cell(status: Status) -> Text:
    inside = dict(
        [
            (DONE, ' / '.join(f'{ap:.1f}' for ap in status.scores.values()) or DONE),
            (RUNNING, ', '.join([status.note, *clock_line(status)])),
            (WAITING, 'interrupted' if 'interrupted' in status.note else WAITING),
            (FAILED, FAILED),
        ]
    )[status.state]
    return Text(inside, COLOURS[status.state])


def summary(found: list[Status]) -> Text:
    counts = Counter(status.state for status in found)
    said = [f'{counts[state]} {state}' for state in STATES if counts[state]]
    return Text(', '.join(said) + '; figures: AP in percent of each kind')


def failures(found: list[Status]) -> list[Status]:
    return [status for status in found if status.state == FAILED]


def reason(status: Status) -> Text:
    return Text(line_of(status), COLOURS[FAILED])
