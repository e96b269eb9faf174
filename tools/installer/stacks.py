"""The two sets of packages that provide the modules mmengine, mmcv and mmdet."""

from collections.abc import Iterable
from typing import NamedTuple


class Stack(NamedTuple):
    """One set.

    Attributes:
        packages: the file in requirements/ of all but mmcv.
        mmcv: the distribution with mmcv's operators, and its file in requirements/.
        names: the distributions of the modules mmengine, mmcv and mmdet.
        options: for pip, when it installs the packages.
    """

    packages: str
    mmcv: str
    names: tuple[str, str, str]
    options: tuple[str, ...]


STACKS = {
    'openmmlab': Stack(
        'openmmlab', 'mmcv', ('mmengine', 'mmcv', 'mmdet'), ('--no-deps',)
    ),
    # Sources only: made with the tools of requirements/build.txt.
    'onedl': Stack(
        'onedl',
        'onedl-mmcv',
        ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection'),
        ('--no-deps', '--no-build-isolation'),
    ),
}
DEFAULT = 'openmmlab'


def stack_of(installed: Iterable[str]) -> Stack:
    """The set that an environment has some of: the forks, or else the default."""
    forks = STACKS['onedl']
    return forks if set(forks.names) & set(installed) else STACKS[DEFAULT]
