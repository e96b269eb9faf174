"""How far something is: one bar for all of the package, on a terminal's stderr."""

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar('T')


class Bar:
    """How much there is to do, and how much of it is done.

    Args:
        show: Called with both whenever one of them changes.
    """

    def __init__(
        self, total: int | None, show: Callable[[int | None, int], object]
    ) -> None:
        self.total, self.done, self.show = total, 0, show

    def update(self, count: int = 1) -> None:
        """Some more is done."""
        self.done += count
        self.show(self.total, self.done)

    def grow(self, count: int) -> None:
        """There is more to do than was known."""
        self.total = (self.total or 0) + count
        self.show(self.total, self.done)


@contextmanager
def progress(total: int | None, title: str, shown: bool = True) -> Iterator[Bar]:
    """A bar that is gone at the end; nothing where stderr is no terminal.

    Nor where rich is not installed, which eca_mm[runtime] does not bring.

    Args:
        title: What is counted, such as 'images'.
    """
    try:
        from rich.console import Console
    except ImportError:
        shown = False
    console = Console(stderr=True) if shown else None
    if console is None or not console.is_terminal:
        yield Bar(total, lambda total, done: None)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        speed_estimate_period=600,  # s: one step of a benchmark may take a minute
    ) as shower:
        task = shower.add_task(title, total=total)
        yield Bar(total, lambda t, done: shower.update(task, total=t, completed=done))


def track(
    items: Iterable[T], title: str, total: int | None = None, shown: bool = True
) -> Iterator[T]:
    """The items, with a bar of how many have been gone through.

    Args:
        total: How many there are where they do not tell; None: that is not known.
    """
    count = len(items) if isinstance(items, Sized) else total
    with progress(count, title, shown) as bar:
        for item in items:
            yield item
            bar.update()
