"""Where the errors are: their kinds, confused classes, scores that mislead."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from eca_mm.evaluation.calibration import calibration
from eca_mm.evaluation.confusion import Confusion, confusion
from eca_mm.evaluation.error_types import ERRORS, error_breakdown

from .charts import colour, panel, plain
from .content import Figure, Note, Section
from .material import Material
from .runs import KINDS

SCORE_THRESHOLD = 0.3  # of the detections that a user would look at
MOST_CLASSES = 20  # of a confusion matrix that can be read
MOST_NUMBERS = 12  # with which there is room for a number in each cell


def mistakes_section(material: Material) -> Section:
    blocks = []
    for kind in material.detections:
        blocks += [
            error_figure(material, kind),
            confusion_figure(material, kind),
            calibration_block(material, kind),
        ]
    return Section('errors', 'Errors', blocks)


def error_figure(material: Material, kind: str) -> Figure:
    """What AP50 would gain if one kind of error were mended; how many there are."""
    found = {
        name: error_breakdown(detections)
        for name, detections in material.detections[kind].items()
    }
    data = [
        dict(run=name, error=error, count=e.counts[error], gain=float(e.gains[error]))
        for name, e in found.items()
        for error in ERRORS
    ]
    panels: list[str] = []
    with panel(panels, 'gain if mended', xlabel='AP50 (points)') as axes:
        gains = {n: [100 * e.gains[k] for k in ERRORS] for n, e in found.items()}
        draw_bars(axes, material, gains)
    with panel(panels, 'number of errors', xscale='symlog') as axes:
        counts = {n: [e.counts[k] for k in ERRORS] for n, e in found.items()}
        draw_bars(axes, material, counts)
    return Figure(
        f'errors_{kind}',
        f'{KINDS[kind].capitalize()} errors by kind',
        'Left what AP50 would gain if one kind of error alone were mended (after '
        'TIDE), right how many detections or, for missed, objects are of the kind.',
        panels,
        data,
        material.names,
    )


def draw_bars(axes, material: Material, values: dict[str, list]) -> None:
    """A bar for each kind of error, the runs side by side."""
    rows = np.arange(len(ERRORS))
    height = 0.8 / len(values)
    for i, (name, widths) in enumerate(values.items()):
        axes.barh(
            rows + (i + 0.5) * height - 0.4, widths, height,
            color=colour(material.places[name]),
        )  # fmt: skip
    axes.set_yticks(rows, ERRORS)
    axes.invert_yaxis()
    axes.grid(axis='y', visible=False)


def confusion_figure(material: Material, kind: str) -> Figure:
    """A matrix for each run, of the classes that are confused most."""
    panels: list[str] = []
    data = []
    for name, detections in material.detections[kind].items():
        found = confusion(detections, score_threshold=SCORE_THRESHOLD)
        names = [*found.class_names, 'background']
        data += [
            dict(run=name, object=names[i], detected=names[j], count=int(count))
            for (i, j), count in np.ndenumerate(found.matrix)
            if count
        ]
        with panel(panels, name, (5, 4.6), xlabel='detected as') as axes:
            draw_matrix(axes, found, colour(material.places[name]))
    return Figure(
        f'confusion_{kind}',
        f'{KINDS[kind].capitalize()} confusion of classes',
        'Rows are the objects, columns what they were detected as (IoU 0.5, score '
        f'{SCORE_THRESHOLD}), each row in percent of its objects; the last column are '
        'missed objects, the last row false alarms.',
        panels,
        data,
    )


def draw_matrix(axes, found: Confusion, shade: str) -> None:
    """Rows in percent, the more the darker; no more classes than can be read."""
    shares = 100 * found.matrix / np.maximum(found.matrix.sum(1, keepdims=True), 1)
    errors = found.matrix * (1 - np.eye(len(found.matrix)))
    # (K + 1,) -> (K,): the background always stays, as the last
    most = np.argsort(-(errors.sum(0) + errors.sum(1))[:-1], kind='stable')
    kept = [*sorted(most[:MOST_CLASSES]), -1]
    names = np.array([*map(plain, found.class_names), 'background'])[kept]
    shares = shares[np.ix_(kept, kept)]
    # From nothing to the colour: the page shines through, light or dark.
    clear = [(*to_rgb(shade), 0), (*to_rgb(shade), 0.8)]
    shades = LinearSegmentedColormap.from_list('shades', clear)
    axes.imshow(shares, cmap=shades, vmin=0, vmax=100, interpolation='nearest')
    if len(kept) <= MOST_NUMBERS + 1:
        for (i, j), share in np.ndenumerate(shares):
            if share >= 1:
                axes.text(j, i, f'{share:.0f}', ha='center', va='center', fontsize=8)
    ticks = range(len(kept))
    axes.set_xticks(ticks, [*names[:-1], 'missed'], rotation=90, fontsize=8)
    axes.set_yticks(ticks, names, fontsize=8)
    axes.grid(visible=False)


def calibration_block(material: Material, kind: str) -> Figure | Note:
    """Reliability diagram and how many detections have which score."""
    try:
        found = {
            name: calibration(detections)
            for name, detections in material.detections[kind].items()
        }
    except ValueError as error:  # scores that are no probabilities
        return Note([f'No calibration of the {KINDS[kind]} scores: {error}.'])
    panels: list[str] = []
    limits = dict(
        xlim=(0, 1), ylim=(0, 1), xlabel='score', ylabel='share that is right'
    )
    with panel(panels, 'reliability (IoU 0.5)', **limits) as axes:
        axes.plot([0, 1], [0, 1], color='gray', linewidth=1, linestyle='--')
        for name, c in found.items():
            axes.plot(
                c.score, c.precision, marker='o', markersize=4,
                color=colour(material.places[name]),
                label=f'{plain(name)}: error {100 * c.error:.1f} %',
            )  # fmt: skip
        axes.legend(fontsize=8, loc='upper left')
    scale = 'log' if any(c.count.any() for c in found.values()) else 'linear'
    with panel(
        panels, 'detections by score', xlabel='score', yscale=scale, xlim=(0, 1)
    ) as axes:
        for name, c in found.items():
            axes.stairs(c.count, c.edges, color=colour(material.places[name]))
    data = [
        dict(
            run=name, score_from=float(c.edges[i]), detections=int(c.count[i]),
            mean_score=float(c.score[i]), right=float(c.precision[i]),
        )
        for name, c in found.items()
        for i in range(len(c.count))
    ]  # fmt: skip
    return Figure(
        f'calibration_{kind}',
        f'{KINDS[kind].capitalize()} calibration',
        'On the dashed line a score of 0.8 is right in 80 of 100 cases, below it the '
        'detector is too sure of itself; the error is the mean distance to the line.',
        panels,
        data,
        material.names,
    )
