"""What the runs differ in beside their scores, and everything to run them again."""

from .content import Cell, Note, Section, Table
from .differences import differing_settings
from .material import Material
from .runs import Run
from .words import ABSENT

FACTS = (
    'config', 'checkpoint', 'iteration', 'world_size', 'seed', 'date', 'device',
    'commit',
)  # fmt: skip


def about_section(material: Material) -> Section:
    configs = {run.name: run.config for run in material.runs if run.config}
    rows = differing_settings(configs) if len(configs) > 1 else []
    blocks = []
    if len(configs) > 1:
        blocks.append(
            Table(
                'settings',
                'Differences between the configs',
                'Settings that are not the same in all runs: what the differences in '
                'the scores can come from.'
                if rows
                else 'The configs are the same.',
                ['setting', *configs],
                [[Cell(value) for value in row.values()] for row in rows],
                rows,
            )
        )
    # Now every section has read what it needs of the runs.
    left_out = [line for run in material.runs for line in run.left_out]
    blocks += [Note(left_out, warning=True)] if left_out else []
    return Section('about', 'Runs', [*blocks, run_table(material)])


def run_table(material: Material) -> Table:
    """What is known of each run: with what, on what; a column a run."""
    known = {run.name: facts_of(run) for run in material.runs}
    facts = dict.fromkeys(fact for of_run in known.values() for fact in of_run)
    data = [
        dict(fact=fact) | {run: found.get(fact, ABSENT) for run, found in known.items()}
        for fact in facts
    ]
    return Table(
        'runs',
        'Runs',
        'What each run was made with, to run it again.',
        ['', *known],
        [[Cell(value) for value in row.values()] for row in data],
        data,
    )


def facts_of(run: Run) -> dict[str, str]:
    """What is known, as text."""
    found = {fact: run.record.get(fact) for fact in FACTS}
    found['results'] = ', '.join(path.name for path in run.files.values())
    found |= run.record.get('versions', {})
    return {fact: str(value) for fact, value in found.items() if value is not None}
