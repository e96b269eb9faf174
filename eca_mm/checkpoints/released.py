"""The weights that the authors released: released.yaml, and where they are kept."""

import os
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

from .safe import CheckpointError

# scheme: the layout of the authors' files, and the name of a file in the store
SCHEMES = {
    'ecanet': ('ecanet', 'eca_{}.pth'),
    'ecanet-coco': ('mmdet-v1', 'eca_coco_{}.pth'),
}
RESIZED = re.compile(r'(.+)-k(\d+)')
PREFIXES = tuple(f'{scheme}://' for scheme in SCHEMES)


@dataclass(frozen=True)
class Release:
    """One released file; the fields are those of released.yaml, explained there."""

    scheme: str
    name: str
    drive_id: str
    file: str
    kernel_sizes: list[int]
    depth: int | None = None
    heads: list[str] = field(default_factory=list)
    params: float | None = None
    top1: float | None = None
    top5: float | None = None
    box_AP: float | None = None
    mask_AP: float | None = None
    elsewhere: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f'{self.scheme}://{self.name}'

    @property
    def link(self) -> str:
        """The file's page, for a browser."""
        return f'https://drive.google.com/file/d/{self.drive_id}/view'

    @property
    def layout(self) -> str:
        return SCHEMES[self.scheme][0]

    @property
    def path(self) -> Path:
        """Where the store has it, or will have it."""
        folder = Path(os.environ.get('ECA_MM_HOME') or 'checkpoints').expanduser()
        return folder / SCHEMES[self.scheme][1].format(self.name)


@cache
def releases() -> dict[str, Release]:
    """All released files by their names, such as ``ecanet://resnet50``."""
    text = files(__package__).joinpath('released.yaml').read_text()
    found = [
        Release(scheme, name, **entry)
        for scheme, entries in yaml.safe_load(text).items()
        for name, entry in entries.items()
    ]
    return {release.url: release for release in found}


def asked_sizes(url: str) -> list[int]:
    """Kernel sizes that a name asks for, a digit a stage: ``ecanet://resnet50-k5555``.

    Empty where it asks for none, and the released ones stay.
    """
    match = RESIZED.fullmatch(url)
    return [int(digit) for digit in match[2]] if match else []


def find_release(url: str) -> Release:
    """The released file of a name; kernel sizes at its end are left aside.

    Raises:
        CheckpointError: There is none of that name.
    """
    match = RESIZED.fullmatch(url)
    url = match[1] if match else url
    if url not in releases():
        prefix = next((p for p in PREFIXES if url.startswith(p)), '')
        known = [u.removeprefix(prefix) for u in releases() if u.startswith(prefix)]
        raise CheckpointError(f'{url}: the names after {prefix} are {", ".join(known)}')
    return releases()[url]
