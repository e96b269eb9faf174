"""Matplotlib figures as SVG that takes the page's colours, light or dark."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import StringIO
from itertools import count

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .plain_text import printable

# Readable on white and on near black alike: contrast above 3 on both.
COLOURS = ('#3b82f6', '#ea580c', '#0d9668', '#a855f7', '#dc3545', '#0e93b0', '#a37312')
LONGEST = 40  # letters of a name in a figure
NUMBERS = count()  # of the figures drawn, for ids that differ
INK = '#010203'  # written as currentColor: the page decides
STYLE = {
    'svg.fonttype': 'none',  # text stays text, in the page's font
    'figure.facecolor': 'none',
    'axes.facecolor': 'none',
    'savefig.facecolor': 'none',
    'legend.framealpha': 0,
    'legend.edgecolor': 'none',
    'font.size': 10,
    'axes.titlesize': 11,
    'axes.grid': True,
    'axes.axisbelow': True,
    'grid.alpha': 0.18,
    'axes.spines.top': False,
    'axes.spines.right': False,
    **dict.fromkeys(
        ('text.color', 'axes.edgecolor', 'axes.labelcolor', 'axes.titlecolor',
         'xtick.color', 'ytick.color', 'grid.color'),
        INK,
    ),
}  # fmt: skip


def colour(index: int) -> str:
    """The colour of a run, by its place in the report."""
    return COLOURS[index % len(COLOURS)]


@contextmanager
def panel(panels: list[str], title: str, size=(4.4, 3.1), **settings) -> Iterator[Axes]:
    """Axes to draw into; on leaving, their SVG is added to ``panels``.

    Args:
        title: Shown above, and told to those who cannot see the picture.
        size: Inches. The default fills a phone and a third of a desk's screen.
        settings: Passed to ``Axes.set``.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout='constrained')
        axes = figure.subplots()
        yield axes
        axes.set(title=plain(title), **settings)
        panels.append(as_svg(figure, title))


def plain(text: str) -> str:
    """A name as a figure can show it: of bearable length, no formula, on one line."""
    text = printable(text)
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + '…'
    return text.replace('$', r'\$')


def as_svg(figure: Figure, title: str) -> str:
    """The figure as an <svg> element for the inside of a page."""
    # A page may have an id only once: another salt makes other ids.
    salt = {'svg.hashsalt': str(next(NUMBERS))}
    with rc_context(STYLE | salt), StringIO() as file:
        figure.savefig(file, format='svg', metadata={'Date': None})
        text = file.getvalue()
    text = text[text.index('<svg') :]
    text = re.sub(r'<metadata>.*?</metadata>', '', text, flags=re.DOTALL)
    # Groups have the same names in every figure, and nothing refers to them.
    text = re.sub(r'<g id="[^"]*"', '<g', text)
    return text.replace(
        '<svg', f'<svg role="img" aria-label="{escape(title)}"', 1
    ).replace(INK, 'currentColor')
