"""Make a report: read, work out, draw, write."""

import sys
import time
from pathlib import Path

from rich.console import Console

from .about import about_section
from .attention import attention_section
from .circumstances import environment, now
from .class_table import classes_section
from .content import Note, Section
from .gallery import images_section
from .groups import Group, Requests, read_groups
from .material import Material, Step, gather
from .mistakes import mistakes_section
from .page import PAGE, write_page
from .plain_text import printable
from .runs import ReportError, Run
from .scores import scores_section
from .training import training_section

SECTIONS = {
    'scores': scores_section,
    'precision and recall': classes_section,
    'errors': mistakes_section,
    'cost and training curves': training_section,
    'images': images_section,
    'attention': attention_section,
    'differences': about_section,
}
# Of each group they show its first run.
OF_ONE_RUN = ('precision and recall', 'errors', 'images')


def write_report(
    requests: Requests,
    out: Path | None = None,
    baseline: str | None = None,
    ann: Path | None = None,
    images: Path | None = None,
    replicates: int = 1000,
    seed: int = 0,
    margin: float | None = None,
) -> Path:
    """Write the report of some runs and return its page.

    Args:
        requests: The groups, each as [NAME=]PATH[,PATH ...] of work dirs or result
            files; or their names with their paths.
        out: Folder to write to; by default the work dir of a single run, else
            work_dirs/report.
        baseline: Name of the group to compare with; by default the first of several.
        ann: Annotation file, where the work dirs do not tell.
        images: Folder of the images, where the work dirs do not tell.
        replicates: Draws of the images behind the intervals.
        seed: Of the draws.
        margin: In points of AP: say whether groups are equivalent within it.

    Raises:
        ReportError: A run, file or name is wrong; nothing is written then.
    """
    step = announcer()
    groups = read_groups(requests)
    runs = [run for group in groups for run in group.runs]
    alone = runs[0].work_dir if len(runs) == 1 else None
    out = Path(out or alone or 'work_dirs/report')
    if out.is_file():
        raise ReportError(f'{out} is a file: give a folder with --out')
    if margin is not None:
        if not 0 < margin < 100:
            raise ReportError(f'a margin is points between 0 and 100, not {margin}')
        margin /= 100
    material = gather(groups, baseline, ann, images, replicates, seed, step, margin)
    sections = all_sections(material, step)
    warn(sections)
    step('writing the page')
    made = dict(date=now(), replicates=replicates, seed=seed, **environment())
    write_page(
        out,
        sections,
        made | dict(groups=members(groups), runs=[summary(run) for run in runs]),
        title='COCO evaluation of ' + ', '.join(material.names),
        subtitle=data_line(material),
        footer=made_line(made),
    )
    return out / PAGE


def warn(sections: list[Section]) -> None:
    """Say on the terminal, too, what the page does without."""
    for section in sections:
        for block in section.blocks:
            if isinstance(block, Note) and block.warning:
                for line in block.lines:
                    print('warning:', printable(line), file=sys.stderr)


def members(groups: list[Group]) -> dict[str, list[str]]:
    """Of each group the names of its runs."""
    return {group.name: [run.name for run in group.runs] for group in groups}


def summary(run: Run) -> dict:
    """A run's name and record, without where its data lay on this machine."""
    local = ('annotations', 'images')
    kept = {key: value for key, value in run.record.items() if key not in local}
    return dict(name=run.name) | kept


def data_line(material: Material) -> str:
    """What the runs were evaluated on."""
    sizes = (
        f'{len(material.annotations[part])} {name}'
        for part, name in dict(
            images='images', annotations='annotations', categories='classes'
        ).items()
    )
    return f'{material.data}: {", ".join(sizes)}.'


def made_line(made: dict) -> str:
    """What made the report, on what."""
    versions = ', '.join(f'{name} {v}' for name, v in made['versions'].items())
    return (
        f'Made by eca_mm on {made["date"]} on {made["device"]}, commit '
        f'{made["commit"]}; {versions}; {made["replicates"]} draws of the '
        f'images, seed {made["seed"]}.'
    )


def announcer() -> Step:
    """A line on the terminal for each step, with the seconds since the start."""
    console, begin = Console(stderr=True), time.monotonic()

    def step(text: str) -> None:
        if console.is_terminal:
            line = f'{time.monotonic() - begin:6.1f} s  {text}'
            console.print(line, markup=False, highlight=False)

    return step


def all_sections(material: Material, step: Step) -> list[Section]:
    """Every section that has something to show."""
    sections = []
    for name, make in SECTIONS.items():
        step(f'drawing: {name}')
        section = make(material)
        if section is None:
            continue
        if name in OF_ONE_RUN and material.several:
            section.blocks.insert(0, first_runs(material))
        sections.append(section)
    return sections


def first_runs(material: Material) -> Note:
    """Of which runs the curves and pictures are."""
    runs = ', '.join(group.runs[0].name for group in material.groups)
    return Note([f'Curves, errors and pictures are of one run of each group: {runs}.'])
