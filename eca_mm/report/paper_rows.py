"""The paper's rows, under runs that followed its protocol; else what differs."""

from dataclasses import dataclass

from eca_mm.paper import Difference, Protocol, config_name, load_table, row_of
from eca_mm.paper.protocol import BATCH, zoo_scores
from eca_mm.paper.reproduction import value_text

from .content import Cell, Table
from .material import Material
from .runs import Run
from .words import ABSENT, SHOWN

# COCO val2017 by its counts: an annotation file can have any name.
VAL2017 = dict(images=5000, annotations=36781, categories=80)
READING = (
    'Settings of the runs that are not those of the row of the paper that has their '
    'model: its figures are not set beside theirs. docs/reproduction.md has where the '
    'settings come from and what they are said to be worth.'
)


@dataclass(frozen=True)
class Standing:
    """A run whose model has a row in the paper, on COCO val2017.

    Attributes:
        row: The row of table 5.
        trained: Whether the run trained the model; else it only tested it.
        differences: To the protocol of the row, as far as the run shows them.
        modern: To MMDetection 3's protocol.
    """

    run: Run
    row: dict
    trained: bool
    differences: list[Difference]
    modern: list[Difference]

    def paper_row(self, kind: str) -> dict | None:
        """The row's figures of boxes or masks, for a run that followed its protocol."""
        if self.differences:
            return None
        return scores_of(self.row, kind)

    def zoo_score(self, kind: str) -> float | None:
        """AP of MMDetection's own model, for a plain one by its rules."""
        if {one.setting.path for one in self.modern} - set(BATCH):
            return None
        return zoo_scores(config_name(self.row)).get(kind)

    def zoo_note(self, name: str) -> str:
        """What the zoo's model differs in."""
        there = [f'{one.setting.name} {text(one.wanted)}' for one in self.modern]
        return name + (f', with {", ".join(there)}' if there else '')


def standing(run: Run, annotations: dict) -> Standing | None:
    """How a run stands to the paper; None where it has no row, or other data."""
    if run.config is None or not is_val2017(annotations):
        return None
    cfg = run.config.to_dict()
    row = row_of(cfg)
    if row is None:
        return None
    trained = 'checkpoint' not in run.record
    known = {key: run.record.get(key) for key in ('world_size', 'iteration')}
    protocol = Protocol(cfg, row, trained, **known)
    differences = protocol.differences()
    return Standing(run, row, trained, differences, protocol.differences('v3'))


def paper_note(name: str, kind: str) -> str:
    """What to know of the paper's row below the runs of a name."""
    # In 1.x a mask was small, medium or large by the area of its box.
    sizes = '; masks by the size of their boxes' * (kind == 'segm')
    return f'{name} on COCO val2017{sizes}'


def scores_of(row: dict, kind: str) -> dict | None:
    """Boxes' or masks' figures of a row of table 5, None where it has no masks."""
    if kind == 'bbox':
        return row
    same = (row['backbone'], row['method'])
    masks = load_table(6) if row['detector'] == 'Mask R-CNN' else []
    return next((r for r in masks if (r['backbone'], r['method']) == same), None)


def is_val2017(annotations: dict) -> bool:
    return all(len(annotations.get(k, ())) == count for k, count in VAL2017.items())


def standings(material: Material) -> list[Standing]:
    """Of the runs that have a row of the paper."""
    found = (standing(run, material.annotations) for run in material.runs)
    return [one for one in found if one is not None]


def rows_beside(name: str, found: list[Standing | None], kind: str) -> list[list[Cell]]:
    """The rows below a group's: the paper's, or that of MMDetection's zoo.

    Args:
        name: The group's.
        found: Of each run of the group, which must all have followed the rules.
    """
    if None in found:
        return []
    first = found[0]
    if any(one.row != first.row for one in found):
        return []
    if all(one.paper_row(kind) for one in found):
        row = first.paper_row(kind)
        trained = all(one.trained for one in found)
        title = 'the paper' if trained else 'the paper (training not checked)'
        return [figures(title, paper_note(name, kind), row)]
    if all(one.zoo_score(kind) for one in found):
        score = dict(AP=first.zoo_score(kind))
        return [figures("MMDetection's zoo", first.zoo_note(name), score)]
    return []


def figures(name: str, note: str, row: dict) -> list[Cell]:
    """A row of the score table, in percent."""
    values = map(row.get, SHOWN)
    return [
        Cell(name, note=note),
        *(
            Cell(ABSENT, -1) if value is None else Cell(f'{value:.1f}', value / 100)
            for value in values
        ),
    ]


def protocol_table(found: list[Standing]) -> Table | None:
    """What the runs differ in from the paper's rows; None where nothing does."""
    apart = [one for one in found if one.differences]
    if not apart:
        return None
    data = [
        dict(
            run=one.run.name,
            row=config_name(one.row),
            setting=f'{difference.setting.group}: {difference.setting.name}',
            found=text(difference.found),
            paper=text(difference.wanted),
        )
        for one in apart
        for difference in one.differences
    ]
    return Table(
        'protocol',
        "Differences to the paper's protocol",
        READING,
        ['run', "the paper's row", 'setting', 'in the run', 'in the paper'],
        [[Cell(value) for value in row.values()] for row in data],
        data,
    )


def text(value: object) -> str:
    """A setting as a cell has it."""
    return ABSENT if value is None else value_text(value).replace('`', '')
