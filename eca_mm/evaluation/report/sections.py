"""The sections of a report, in their order."""

from .about import about_section
from .attention import attention_section
from .blocks import Note, Section
from .classes import classes_section
from .gallery import images_section
from .material import Material, Step
from .mistakes import mistakes_section
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
