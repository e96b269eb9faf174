"""What the differences are made of, and what they could have been."""

from math import isnan

from eca_mm.evaluation.difference import smallest_difference

from .content import Cell, Table
from .material import Material
from .runs import KINDS
from .words import ABSENT, SHOWN, points


def luck_table(material: Material, kind: str) -> Table:
    """Of each comparison and figure the smallest difference that it could find."""
    rows, data = [], []
    for name in material.others(kind):
        found = [luck_row(material, kind, name, figure) for figure in SHOWN]
        data += found
        rows.append([Cell(f'{name} − {material.baseline}'), *map(luck_cell, found)])
    reading = (
        'How large a true difference must be, in points, to be found in 4 of 5 such '
        'comparisons (power 80 %, level 5 %, before adjustment)'
    )
    if material.several:
        reading += "; below it training's share of the variance, the rest is images"
    return Table(
        f'luck_{kind}',
        f'{KINDS[kind].capitalize()} scores: what could have been found',
        f'{reading}.',
        ['difference', *SHOWN],
        rows,
        data,
    )


def luck_row(material: Material, kind: str, name: str, figure: str) -> dict:
    found = material.sampled[kind].difference(name, material.baseline, figure)
    v = found.variance
    told = not isnan(found.p)
    training = float(v.share * v.total) if told and v.training else None
    return dict(
        run=name,
        figure=figure,
        standard_error=float(v.error) if told else None,
        degrees_of_freedom=float(v.freedom) if told else None,
        variance_images=float(v.total) - (training or 0) if told else None,
        variance_training=training,
        training_share=float(v.share) if told and v.training else None,
        smallest_difference=smallest_difference(v) if told else None,
        paired=found.paired,
    )


def luck_cell(row: dict) -> Cell:
    size, share = row['smallest_difference'], row['training_share']
    if size is None:
        return Cell(ABSENT, -1)
    note = '' if share is None or isnan(share) else f'training {share:.0%}'
    return Cell(points(size), size, note)
