"""The comparison: COCO's figures with intervals, what differs, the paper's row."""

from math import isnan

from ..bootstrap import FIGURES, Bootstrap
from .blocks import Cell, Note, Section, Table
from .intervals import interval_figure
from .material import Material
from .protocol import protocol_table, rows_beside, standings
from .runs import KINDS
from .words import (
    ABSENT,
    FEW_MEANS,
    SHOWN,
    mark_of,
    p_value,
    percent,
    signed,
    span,
    value_of,
)

NOISE = (
    'The intervals say what another draw of the images would change. They do not say '
    'what another training seed would change: that takes several runs of each model.'
)


def scores_section(material: Material) -> Section:
    blocks: list = [verdict(material)] if material.baseline else []
    for kind in material.detections:
        blocks += [score_table(material, kind), interval_figure(material, kind)]
    if table := protocol_table(standings(material)):
        blocks.append(table)
    if material.notes:
        blocks.insert(0, Note(material.notes))
    return Section('scores', 'Scores', [*blocks, Note([NOISE])])


def verdict(material: Material) -> Note:
    """A sentence for each run and kind on whether its AP is the baseline's."""
    lines = []
    for kind, sampled in material.sampled.items():
        for name in material.others(kind):
            found = sampled.difference(name, material.baseline, 'AP')
            same = not mark_of(found)
            said = 'not distinguishable' if same else 'exceeds the noise of the images'
            if isnan(found.p):
                said = 'in too few images to tell'
            known = '' if isnan(found.p) else f', {p_value(found.p)}'
            reach = span(found.low, found.high, signed) + known
            lines.append(
                f'{name} against {material.baseline}, {KINDS[kind]} AP: '
                f'{signed(found.value)} ({reach}): {said}.'
            )
    return Note(lines)


def score_table(material: Material, kind: str) -> Table:
    sampled = material.sampled[kind]
    others = material.others(kind)
    known = {one.run.name: one for one in standings(material)}
    rows, data = [], []
    for run in material.runs:
        if run.name not in sampled.values:
            continue
        cells = []
        for figure in FIGURES:
            baseline = material.baseline if run.name in others else None
            row = score_row(sampled, run.name, figure, baseline)
            data.append(row)
            if figure in SHOWN:
                cells.append(score_cell(row))
        rows.append([Cell(run.name), *cells])
        rows += rows_beside(known.get(run.name), kind)
    reading = (
        f'{KINDS[kind].capitalize()} AP in percent; below it the 95 % interval over '
        f'{len(next(iter(sampled.samples.values())))} draws of the images'
    )
    if others:
        reading += (
            f', and the difference to {material.baseline} on the same draws, marked '
            'where its interval leaves out 0: where nothing differs, one in twenty is '
            'marked all the same'
        )
    if any(isnan(row['low']) > isnan(row['value']) for row in data):
        reading += f'; {FEW_MEANS}'
    return Table(
        f'scores_{kind}',
        f'{KINDS[kind].capitalize()} scores',
        reading + '.',
        ['run', *SHOWN],
        rows,
        data,
    )


def score_row(sampled: Bootstrap, name: str, figure: str, baseline: str | None) -> dict:
    """Figure, interval and difference as numbers, empty where there is none."""
    low, high = sampled.interval(name, figure)
    row = dict(
        run=name, figure=figure, value=value_of(sampled, name, figure),
        low=float(low), high=float(high),
    )  # fmt: skip
    found = baseline and sampled.difference(name, baseline, figure)
    for key in ('value', 'low', 'high', 'p'):
        row[f'difference_{key}'] = float(getattr(found, key)) if found else None
    return row | dict(mark=mark_of(found) if found else '')


def score_cell(row: dict) -> Cell:
    if isnan(row['value']):
        return Cell(ABSENT, -1)
    lines = [span(row['low'], row['high'])]
    difference, p = row['difference_value'], row['difference_p']
    if difference is not None:
        lines.append(signed(difference) + ('' if isnan(p) else f', {p_value(p)}'))
    return Cell(percent(row['value']), row['value'], '\n'.join(lines), row['mark'])
