"""Which part of eca_mm imports which: read from the sources, nothing is imported.

A part is a package or module directly below eca_mm. Imports inside of functions count.
The order that they keep is tests/import_order.txt, and tests/test_import_order.py holds
them to it.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .links import REPO

PACKAGE = REPO / 'eca_mm'
ORDER = REPO / 'tests' / 'import_order.txt'


def parts() -> set[str]:
    """The names of all parts."""
    found = {path.parent.name for path in PACKAGE.glob('*/*.py')}
    return found | {path.stem for path in PACKAGE.glob('*.py')} - {'__init__'}


def steps() -> list[tuple[list[str], str]]:
    """The lines of the order: the parts of each, and what they do."""
    lines = ORDER.read_text().splitlines()
    split = [line.partition(': ') for line in lines if not line.startswith('#')]
    return [(names.split(), what) for names, _, what in split]


@cache
def imports() -> dict[str, set[str]]:
    """Of each part, what it imports."""
    known = parts()
    found: dict[str, set[str]] = {name: set() for name in sorted(known)}
    for path in PACKAGE.rglob('*.py'):
        part = path.relative_to(PACKAGE).parts[0].removesuffix('.py')
        if part in known:
            others = set(imported(path.read_text(), path.relative_to(REPO)))
            found[part] |= others & known - {part}
    return found


def imported(source: str, path: Path) -> Iterator[str]:
    """The parts that a file imports, its own among them.

    Args:
        path: Of the file in the repository, where relative imports begin.
    """
    package = path.parent.parts
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = '.'.join([*base, *filter(None, [node.module])])
            names = [f'{start}.{alias.name}' for alias in node.names]
        for name in names:
            first, _, rest = name.partition('.')
            if first == 'eca_mm' and rest:
                yield rest.partition('.')[0]


def rows(found: dict[str, set[str]]) -> list[list[str]]:
    """The parts by the longest chain of imports below them, those without any first.

    Args:
        found: Without cycles.
    """
    height: dict[str, int] = {}

    def measured(part: str) -> int:
        if part not in height:
            height[part] = 1 + max(map(measured, found[part]), default=-1)
        return height[part]

    highest = max(map(measured, found))
    return [[p for p in found if height[p] == row] for row in range(highest + 1)]


def direct(found: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """The imports that no chain of others stands for, for a picture."""
    reach: dict[str, set[str]] = {}

    def reached(part: str) -> set[str]:
        if part not in reach:
            reach[part] = found[part].union(*map(reached, found[part]))
        return reach[part]

    for part, others in found.items():
        for other in sorted(others):
            if not any(other in reached(via) for via in others - {other}):
                yield part, other
