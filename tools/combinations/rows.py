"""The combinations that are tried, and where their Pythons are."""

import shutil
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One combination.

    Attributes:
        python: such as 3.11.
        torch: a release, such as 2.13.0.
        stack: a name of installer.stacks.STACKS.
    """

    python: str
    torch: str
    stack: str = 'openmmlab'

    @property
    def name(self) -> str:
        """For folders, and for --only."""
        return f'py{self.python}-torch{self.torch}-{self.stack}'


# The first is the one that the packages are pinned for. Its checkpoint is what the
# others load, and its detections are what theirs are compared with.
ROWS = (
    Row('3.11', '2.13.0'),
    Row('3.11', '2.13.0', 'onedl'),
    Row('3.10', '2.6.0'),
    Row('3.13', '2.10.0'),
    Row('3.12', '2.15.0'),
    Row('3.13', '2.15.0', 'onedl'),
    Row('3.14', '2.15.0'),
)
REFERENCE = ROWS[0]


def find_python(version: str) -> str | None:
    """The executable of this version on the path or among pyenv's, None without."""
    name = f'python{version}'
    pyenv = Path.home() / '.pyenv' / 'versions'
    found = sorted(pyenv.glob(f'{version}.*/bin/{name}'))
    return str(found[-1]) if found else shutil.which(name)
