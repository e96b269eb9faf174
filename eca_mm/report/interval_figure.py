"""The scores with their intervals as a figure, and the differences to the baseline."""

import numpy as np

from eca_mm.evaluation.bootstrap import FIGURES, Bootstrap

from .charts import colour, panel
from .content import Figure
from .material import Material
from .runs import KINDS
from .words import SHOWN


def interval_figure(material: Material, kind: str) -> Figure:
    """Each figure with its interval, and each run's differences to the baseline."""
    sampled = material.sampled[kind]
    panels: list[str] = []
    height = 1 + 0.3 * len(SHOWN) * (1 + 0.3 * (len(sampled.values) - 1))
    names = [name for name in material.names if name in sampled.values]
    title = f'{KINDS[kind]} scores (%)'
    with panel(panels, title, (4.4, height), xlabel='with 95 % interval') as axes:
        places = row_places(axes, len(names))
        for place, name in zip(places, names, strict=True):
            draw_intervals(
                axes, place, colour(material.places[name]),
                [sampled.mean(name, f) for f in SHOWN],
                [sampled.interval(name, f) for f in SHOWN],
            )  # fmt: skip
            draw_runs(axes, place, colour(material.places[name]), sampled, name)
    for name in material.others(kind):
        found = [sampled.difference(name, material.baseline, f) for f in SHOWN]
        title = f'{name} − {material.baseline}'
        with panel(panels, title, (4.4, height), xlabel='difference (points)') as axes:
            (place,) = row_places(axes, 1)
            axes.axvline(0, color='gray', linewidth=1)
            draw_intervals(
                axes, place, colour(material.places[name]),
                [d.value for d in found], [(d.low, d.high) for d in found],
                filled=[bool(material.marks.mark(kind, name, f)) for f in SHOWN],
            )  # fmt: skip
    reading = 'A dot is the figure on all images, its bar the 95 % interval'
    if material.several:
        reading += '; figures are means over the seeds, small ticks are single runs'
    if material.others(kind):
        reading += '; a difference is filled where the table marks it'
    return Figure(
        f'scores_{kind}',
        f'{KINDS[kind].capitalize()} scores and differences',
        f'{reading}.',
        panels,
        legend=material.names,
    )


def draw_runs(axes, places, colour, sampled: Bootstrap, name: str) -> None:
    """A tick for each run of several."""
    columns = [FIGURES.index(figure) for figure in SHOWN]
    runs = 100 * sampled.values[name][:, columns]  # (n, figures)
    if len(runs) > 1:
        spots = np.broadcast_to(places, runs.shape)
        axes.scatter(runs, spots, c=colour, marker='|', s=60, linewidths=1, zorder=2)


def row_places(axes, count: int) -> list[np.ndarray]:
    """Heights of the figures' rows, for each of ``count`` runs side by side."""
    rows = np.arange(len(SHOWN))
    axes.set_yticks(rows, SHOWN)
    axes.invert_yaxis()
    axes.grid(axis='y', visible=False)
    return [rows + 0.6 * ((i + 0.5) / count - 0.5) for i in range(count)]


def draw_intervals(axes, places, colour, values, intervals, filled=None) -> None:
    """Dots with bars; ``filled`` says for which dots, by default all."""
    low, high = 100 * np.array(intervals, float).T
    values = 100 * np.array(values, float)
    axes.hlines(places, low, high, color=colour, linewidth=2)
    faces = [colour if full else 'none' for full in filled or [True] * len(values)]
    axes.scatter(values, places, c=faces, edgecolors=colour, s=28, zorder=3)
