"""The sections of a report, in their order."""

from .about import about_section
from .attention import attention_section
from .blocks import Section
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


def all_sections(material: Material, step: Step) -> list[Section]:
    """Every section that has something to show."""
    sections = []
    for name, make in SECTIONS.items():
        step(f'drawing: {name}')
        sections.append(make(material))
    return [section for section in sections if section is not None]
