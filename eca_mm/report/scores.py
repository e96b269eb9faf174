"""The comparison: COCO's figures with intervals, what differs, the paper's row."""

from math import isnan

from eca_mm.evaluation.bootstrap import FIGURES
from eca_mm.evaluation.marks import LEVEL, OTHERS

from .content import Block, Cell, Note, Section, Table
from .interval_figure import interval_figure
from .luck import luck_table
from .material import Material
from .paper_rows import protocol_table, rows_beside, standings
from .runs import KINDS, Run
from .verdict import verdict
from .words import ABSENT, FEW_MEANS, SHOWN, p_value, percent, signed, span

NOISE = (
    'The intervals say what another draw of the images would change. They do not say '
    'what another training seed would change: that takes several runs of each model.'
)


def scores_section(material: Material) -> Section:
    blocks: list[Block] = [verdict(material)] if material.baseline else []
    for kind in material.detections:
        blocks += [score_table(material, kind), interval_figure(material, kind)]
        if material.others(kind):
            blocks.append(luck_table(material, kind))
    if table := protocol_table(standings(material)):
        blocks.append(table)
    if material.notes:
        blocks.insert(0, Note(material.notes))
    single = any(len(group.runs) == 1 for group in material.groups)
    if single and not material.baseline:  # else the verdict says so
        blocks.append(Note([NOISE]))
    return Section('scores', 'Scores', blocks)


def score_table(material: Material, kind: str) -> Table:
    rows, data = [], []
    known = {one.run.name: one for one in standings(material)}
    for group in material.groups:
        if group.name not in material.sampled[kind].values:
            continue
        found = [score_row(material, kind, group.name, figure) for figure in FIGURES]
        data += found
        cells = [score_cell(row) for row in found if row['figure'] in SHOWN]
        rows.append([Cell(group.name, note=seeds_of(group.runs)), *cells])
        standing = [known.get(run.name) for run in group.runs]
        rows += rows_beside(group.name, standing, kind)
    counts = {figure: int(material.sampled[kind].images(figure)) for figure in SHOWN}
    rows.append([Cell('images with objects'), *(Cell(str(n)) for n in counts.values())])
    return Table(
        f'scores_{kind}',
        f'{KINDS[kind].capitalize()} scores',
        reading(material, kind, data),
        ['run', *SHOWN],
        rows,
        data,
    )


def seeds_of(runs: list[Run]) -> str:
    return f'mean of {len(runs)} seeds' if len(runs) > 1 else ''


def reading(material: Material, kind: str, data: list[dict]) -> str:
    """How to read the table: what the intervals hold, and the rule of the marks."""
    draws = len(next(iter(material.sampled[kind].samples.values())))
    luck = (
        'images and, where there are several, seeds' if material.several else 'images'
    )
    text = (
        f'{KINDS[kind].capitalize()} AP in percent; below it the 95 % interval over '
        f'{luck} ({draws} draws of the images)'
    )
    if material.others(kind):
        text += (
            f', and the difference to {material.baseline} with its p, adjusted as '
            f'follows. {rule(material)}'
        )
    if any(isnan(row['low']) > isnan(row['value']) for row in data):
        text += f' {FEW_MEANS}'
    return text if text.endswith('.') else f'{text}.'


def rule(material: Material) -> str:
    """Which differences are marked: the same in every table of the report."""
    found = material.marks
    text = f'AP was named before looking: it is marked where p is below {LEVEL:.0%}'
    if found.primary > 1:
        text += f', adjusted after Holm for {found.primary} comparisons of AP'
    if found.others:
        text += (
            f'. The {found.others} other differences shown in this report, classes '
            f'included, are marked where p is below {OTHERS:.0%}, adjusted after '
            'Benjamini and Hochberg for all of these'
        )
    known = all(len(group.runs) > 1 for group in material.groups)
    luck = 'the luck of images and seeds' if known else 'the luck of the images'
    return (
        f'{text}. Where nothing differs but {luck}, about 7 of 100 reports have any '
        'mark. No mark does not mean equal.'
    )


def score_row(material: Material, kind: str, name: str, figure: str) -> dict:
    """Figure, interval and difference as numbers, empty where there is none."""
    sampled = material.sampled[kind]
    low, high = sampled.interval(name, figure)
    row = dict(
        run=name, figure=figure, value=float(sampled.mean(name, figure)),
        low=float(low), high=float(high), images=int(sampled.images(figure)),
        seeds=len(sampled.values[name]),
    )  # fmt: skip
    found = None
    if name in material.others(kind):
        found = sampled.difference(name, material.baseline, figure)
    for key in ('value', 'low', 'high', 'p'):
        row[f'difference_{key}'] = float(getattr(found, key)) if found else None
    return row | dict(
        p_adjusted=material.marks.p_of(kind, name, figure) if found else None,
        training_share=float(found.variance.share) if found else None,
        mark=material.marks.mark(kind, name, figure),
    )


def score_cell(row: dict) -> Cell:
    if isnan(row['value']):
        return Cell(ABSENT, -1)
    lines = [span(row['low'], row['high'])]
    difference, p = row['difference_value'], row['p_adjusted']
    if difference is not None:
        lines.append(signed(difference) + ('' if isnan(p) else f', {p_value(p)}'))
    return Cell(percent(row['value']), row['value'], '\n'.join(lines), row['mark'])
