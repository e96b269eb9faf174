"""AP of each class and size, and the precision-recall curves behind them."""

import numpy as np

from eca_mm.evaluation.bootstrap import PER_CLASS
from eca_mm.evaluation.pr_curves import SIZES, ClassScores, per_class, precision_recall

from .charts import colour, panel
from .content import Cell, Figure, Section, Table
from .material import Material
from .runs import KINDS
from .words import ABSENT, FEW_MEANS, p_value, percent, signed, span

SHOWN_IOUS = (0.5, 0.75)


def classes_section(material: Material) -> Section:
    blocks = []
    for kind in material.detections:
        blocks += [curve_figure(material, kind), class_table(material, kind)]
    return Section('classes', 'Classes and curves', blocks)


def class_table(material: Material, kind: str) -> Table:
    """A row a class: its objects, each group's AP, and the difference to the baseline.

    Those in the fewest images come with no interval and no mark.
    """
    sampled, others = material.sampled[kind], material.others(kind)
    scores = {
        name: per_class(found) for name, found in material.detections[kind].items()
    }
    first = next(iter(scores.values()))
    intervals = {name: sampled.interval(name, PER_CLASS) for name in scores}
    means = {name: sampled.mean(name, PER_CLASS) for name in scores}
    images = sampled.images(PER_CLASS)
    rows = []
    for k, label in enumerate(first.class_names):
        counts = (int(first.objects[k, 0]), int(images[k]))
        row = [Cell(label), *(Cell(str(count), count) for count in counts)]
        for name in scores:
            low, high = (ends[k] for ends in intervals[name])
            row.append(number(means[name][k], span(low, high)))
        row += [difference_cell(material, kind, name, k) for name in others]
        rows.append(row)
    reading = (
        f'{KINDS[kind].capitalize()} AP of each class in percent with its 95 % '
        'interval, and in how many images it is; click a column to sort'
    )
    if others:
        reading += (
            '; differences have the p and the marks that the rule below the scores '
            'gives, among all differences of the report'
        )
    reading += '.'
    if any(np.isnan(low).any() for low, _ in intervals.values()):
        reading += f' {FEW_MEANS}'
    return Table(
        f'classes_{kind}',
        f'{KINDS[kind].capitalize()} AP by class',
        reading,
        ['class', 'objects', 'images', *scores]
        + [f'{name} − {material.baseline}' for name in others],
        rows,
        class_data(material, kind, scores),
    )


def number(value: float, note: str) -> Cell:
    return Cell(ABSENT, -1) if np.isnan(value) else Cell(percent(value), value, note)


def difference_cell(material: Material, kind: str, name: str, k: int) -> Cell:
    """The difference of class ``k``."""
    found = material.of_classes[kind, name]
    value, low, high = (float(x[k]) for x in (found.value, found.low, found.high))
    if np.isnan(value):
        return Cell(ABSENT, -1)
    note, p = span(low, high, signed), material.marks.p_of(kind, name, k)
    note += '' if np.isnan(p) else f', {p_value(p)}'
    return Cell(signed(value), value, note, material.marks.mark(kind, name, k))


def class_data(
    material: Material, kind: str, scores: dict[str, ClassScores]
) -> list[dict]:
    """A row for each group, class and size, as fractions.

    Those of all sizes have means over the seeds in ``mean`` and what follows it; all
    else is of the group's first run.
    """
    means = {name: over_seeds(material, kind, name) for name in scores}
    return [
        dict(run=name, size=size, objects=int(found.objects[k, s]))
        | {'class': label}
        | {f: float(getattr(found, f)[k, s]) for f in ('ap', 'ap50', 'ap75', 'ar')}
        | (means[name][k] if size == 'all' else {})
        for name, found in scores.items()
        for k, label in enumerate(found.class_names)
        for s, size in enumerate(SIZES)
    ]


def over_seeds(material: Material, kind: str, name: str) -> list[dict]:
    """Mean, interval and difference of each class, over all runs of a group."""
    sampled = material.sampled[kind]
    images, mean = sampled.images(PER_CLASS), sampled.mean(name, PER_CLASS)
    low, high = sampled.interval(name, PER_CLASS)
    found = material.of_classes.get((kind, name))
    rows = []
    for k in range(len(mean)):
        row = dict(
            images=int(images[k]),
            mean=float(mean[k]),
            low=float(low[k]),
            high=float(high[k]),
        )
        for key in ('value', 'low', 'high', 'p'):
            row[f'difference_{key}'] = float(getattr(found, key)[k]) if found else None
        row['p_adjusted'] = material.marks.p_of(kind, name, k) if found else None
        row['mark'] = material.marks.mark(kind, name, k)
        rows.append(row)
    return rows


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
                shade = colour(material.places[name])
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
