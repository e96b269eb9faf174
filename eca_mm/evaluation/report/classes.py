"""AP of each class and size, and the precision-recall curves behind them."""

import numpy as np

from ..bootstrap import PER_CLASS, Difference
from ..pr_curves import SIZES, ClassScores, per_class, precision_recall
from .blocks import Cell, Figure, Section, Table
from .charts import colour, panel
from .material import Material
from .runs import KINDS
from .words import ABSENT, FEW_MEANS, mark_of, percent, signed, span

SHOWN_IOUS = (0.5, 0.75)


def classes_section(material: Material) -> Section:
    blocks = []
    for kind in material.detections:
        blocks += [curve_figure(material, kind), class_table(material, kind)]
    return Section('classes', 'Classes and curves', blocks)


def class_table(material: Material, kind: str) -> Table:
    """A row a class: its objects, each run's AP, and the difference to the baseline."""
    sampled, others = material.sampled[kind], material.others(kind)
    scores = {
        name: per_class(found) for name, found in material.detections[kind].items()
    }
    first = next(iter(scores.values()))
    intervals = {name: sampled.interval(name, PER_CLASS) for name in scores}
    differences = {
        name: sampled.difference(name, material.baseline, PER_CLASS) for name in others
    }
    rows = []
    for k, label in enumerate(first.class_names):
        row = [Cell(label), Cell(str(first.objects[k, 0]), int(first.objects[k, 0]))]
        for name, found in scores.items():
            low, high = (ends[k] for ends in intervals[name])
            row.append(number(found.ap[k, 0], span(low, high)))
        row += [difference_cell(found, k) for found in differences.values()]
        rows.append(row)
    reading = (
        f'{KINDS[kind].capitalize()} AP of each class in percent with its 95 % '
        'interval; click a column to sort'
    )
    if others:
        reading += (
            '; differences are marked where their interval leaves out 0: where nothing '
            'differs, one in twenty is marked all the same'
        )
    if any(np.isnan(low).any() for low, _ in intervals.values()):
        reading += f'; {FEW_MEANS}'
    return Table(
        f'classes_{kind}',
        f'{KINDS[kind].capitalize()} AP by class',
        reading + '.',
        ['class', 'objects', *scores]
        + [f'{name} − {material.baseline}' for name in others],
        rows,
        class_data(scores),
    )


def number(value: float, note: str) -> Cell:
    return Cell(ABSENT, -1) if np.isnan(value) else Cell(percent(value), value, note)


def difference_cell(found: Difference, k: int) -> Cell:
    """Class ``k`` of a difference whose parts are arrays of the classes."""
    parts = (found.value, found.low, found.high, found.p)
    one = Difference(*(float(part[k]) for part in parts))
    if np.isnan(one.value):
        return Cell(ABSENT, -1)
    note = span(one.low, one.high, signed)
    return Cell(signed(one.value), one.value, note, mark_of(one))


def class_data(scores: dict[str, ClassScores]) -> list[dict]:
    """A row for each run, class and size, as fractions."""
    return [
        dict(run=name, size=size, objects=int(found.objects[k, s]))
        | {'class': label}
        | {f: float(getattr(found, f)[k, s]) for f in ('ap', 'ap50', 'ap75', 'ar')}
        for name, found in scores.items()
        for k, label in enumerate(found.class_names)
        for s, size in enumerate(SIZES)
    ]


def curve_figure(material: Material, kind: str) -> Figure:
    """Precision over recall at some IoUs, and the mean over all ten."""
    curves = {
        name: precision_recall(found)
        for name, found in material.detections[kind].items()
    }
    titles = {f'IoU {iou:.2f}': iou for iou in SHOWN_IOUS}
    titles['mean of IoU 0.50 to 0.95'] = None
    settings = dict(xlabel='recall', ylabel='precision', xlim=(0, 1), ylim=(0, 1.02))
    panels: list[str] = []
    data = []
    for title, iou in titles.items():
        with panel(panels, title, **settings) as axes:
            for name, found in curves.items():
                at = np.isclose(found.iou_thresholds, iou) if iou else slice(None)
                precision = found.precision[at].mean(0)
                shade = colour(material.names.index(name))
                axes.plot(found.recall, precision, color=shade)
                points = zip(found.recall.tolist(), precision.tolist(), strict=True)
                data += [
                    dict(run=name, iou=iou or 'mean', recall=recall, precision=value)
                    for recall, value in points
                ]
    return Figure(
        f'curves_{kind}',
        f'{KINDS[kind].capitalize()} precision and recall',
        'Mean over the classes: a curve that lies higher finds the same share of the '
        'objects with fewer false alarms, and the area below it is the AP.',
        panels,
        data,
        material.names,
    )
