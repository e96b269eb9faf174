"""Which versions go together: all that is not a pin in requirements/.

docs/versions.md tells the same to people.
"""

import platform
import re
import sys

from .output import InstallError

OLDEST_TORCH = [2, 6]  # the first that loads checkpoints without running code in them
NEWEST_TORCHVISION = 29  # 0.29.2 asks for torch >= 2.14, and none came with torch 2.15
CPP20 = [2, 14]  # the first torch whose headers need C++20; those before take C++17
# From this release of torch on: the oldest and the newest Python that it has files for.
TORCH_PYTHONS = {
    (2, 6): ((3, 9), (3, 13)),
    (2, 9): ((3, 10), (3, 14)),
    (2, 15): ((3, 11), (3, 15)),
}
# Of what is pinned; older ones than 3.11 get the older releases that markers name.
OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 14)


def normal(name: str) -> str:
    """A distribution's name in the form that can be compared."""
    return re.sub(r'[-_.]+', '-', name).lower()


def numbers(version: str) -> list[int]:
    """For comparing versions: '2.1.0+cpu' gives [2, 1, 0]."""
    return [int(n) for n in re.match(r'[\d.]*\d', version).group().split('.')]


def dotted(python: tuple[int, int]) -> str:
    """(3, 11) as people write it."""
    return f'{python[0]}.{python[1]}'


def needs_cpp20(torch: str) -> bool:
    """Whether what includes torch's headers is to be compiled as C++20."""
    return numbers(torch)[:2] >= CPP20


def torchvision(torch: str) -> str:
    """The release that goes with one of torch: 0.21.0 with 2.6, and so on."""
    return f'0.{min(numbers(torch)[1] + 15, NEWEST_TORCHVISION)}.0'


def torch_pythons(torch: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The oldest and the newest Python for a release of torch."""
    release = tuple(numbers(torch)[:2])
    return TORCH_PYTHONS[max(first for first in TORCH_PYTHONS if first <= release)]


def require_torch(version: str) -> None:
    """Raises InstallError for a torch that eca_mm cannot be installed with, here."""
    release = re.fullmatch(r'2\.\d+\.\d+', version)
    if not release or numbers(version)[:2] < OLDEST_TORCH:
        raise InstallError(
            f'--torch {version} cannot be used: it takes a release of torch 2 from '
            '2.6.0 on, all three numbers of it, as in --torch 2.15.0'
        )
    oldest, newest = torch_pythons(version)
    if not oldest <= sys.version_info[:2] <= newest:
        raise InstallError(
            f'torch {version} has no files for Python {platform.python_version()}: run '
            f'this script with a Python from {dotted(oldest)} to {dotted(newest)}, or '
            'name another --torch'
        )


def applies(marker: str) -> bool:
    """Whether the marker of a requirement is true here; there are two kinds of them.

    Raises:
        ValueError: It is of another kind.
    """
    if not marker.strip():
        return True
    found = re.fullmatch(r'\s*;\s*(\w+) (<|>=|==) "([\w.]+)"\s*', marker)
    if found and found.groups()[:2] == ('platform_system', '=='):
        return found[3] == 'Linux' and sys.platform == 'linux'
    if not found or found[1] != 'python_version' or found[2] == '==':
        raise ValueError(f'no marker that is used here: {marker!r}')
    older = list(sys.version_info[:2]) < numbers(found[3])
    return older == (found[2] == '<')
