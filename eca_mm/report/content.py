"""What a report is made of: sections of tables, figures, pictures and sentences."""

from dataclasses import dataclass, field
from functools import cached_property

from .charts import colour


@dataclass(frozen=True)
class Cell:
    """A table's cell: ``text``, a small ``note`` below it, and what it sorts by.

    ``mark`` is 'better' or 'worse' for a difference that exceeds the noise.
    """

    text: str
    order: float | None = None
    note: str = ''
    mark: str = ''


@dataclass(frozen=True)
class Table:
    """Rows of cells; ``reading`` is one sentence that says how to read them."""

    name: str  # of the CSV file with its numbers
    title: str
    reading: str
    columns: list[str]
    rows: list[list[Cell]]
    data: list[dict] = field(default_factory=list)  # for the file, if not there yet

    kind = 'table'


@dataclass(frozen=True)
class Figure:
    """Panels of SVG side by side; ``legend`` names the runs in their colours."""

    name: str  # of the CSV file with its numbers
    title: str
    reading: str
    panels: list[str]
    data: list[dict] = field(default_factory=list)  # for the file, if not there yet
    legend: list[str] = field(default_factory=list)

    kind = 'figure'

    @cached_property
    def keys(self) -> list[tuple[str, str]]:
        """Name and colour of each run in the legend."""
        return [(name, colour(i)) for i, name in enumerate(self.legend)]


@dataclass(frozen=True)
class Picture:
    """An image as a data URL."""

    source: str
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Pictures under a title."""

    title: str
    reading: str
    pictures: list[Picture]

    kind = 'gallery'


@dataclass(frozen=True)
class Note:
    """Sentences, one a line; those of a ``warning`` are said on the terminal, too."""

    lines: list[str]
    warning: bool = False

    kind = 'note'


Block = Table | Figure | Gallery | Note


@dataclass(frozen=True)
class Section:
    anchor: str
    title: str
    blocks: list[Block]
