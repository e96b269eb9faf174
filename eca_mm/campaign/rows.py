"""The rows of a comparison: configs, by the paper's names or by path."""

from dataclasses import dataclass
from pathlib import Path

from eca_mm.engine import RequestError
from eca_mm.findings import did_you_mean
from eca_mm.paper import config_name, load_table
from eca_mm.paper.tables import DETECTORS
from eca_mm.place import config_path

RULES = {'v1': '', 'modern': 'modern'}  # folder within configs/


@dataclass(frozen=True)
class Row:
    """One config of a comparison, and its name in it."""

    name: str
    config: Path


def rows_of_table(number: int, folder: Path) -> list[Row]:
    """The rows of the paper's table 5 or 6, which has those with masks.

    Raises:
        RequestError: The folder of configs lacks one.
    """
    if number == 6:
        return rows_of_detector('mask_rcnn', folder)
    return by_name([config_name(row) for row in load_table(5)], folder)


def rows_of_detector(detector: str, folder: Path) -> list[Row]:
    """The rows of table 5 with one detector, such as 'mask_rcnn'."""
    names = [
        config_name(row)
        for row in load_table(5)
        if DETECTORS[row['detector']] == detector
    ]
    return by_name(names, folder)


def by_name(requests: list[str], folder: Path) -> list[Row]:
    """Rows as a command line names them.

    Args:
        requests: Each the name of a config in ``folder``, the path of any config, or
            NAME=PATH.
        folder: Of the paper's configs.

    Raises:
        RequestError: There is no such config, or two rows have one name.
    """
    rows = [row_of(request, folder) for request in requests]
    names = [row.name for row in rows]
    for row in rows:
        if names.count(row.name) > 1:
            raise RequestError(
                f'two rows are called {row.name}: give them names, such as a=PATH '
                'b=PATH'
            )
    return rows


def row_of(request: str, folder: Path) -> Row:
    name, equals, rest = request.partition('=')
    if not equals or Path(request).exists():
        name, rest = '', request
    try:
        path = config_path(rest) if rest.endswith('.py') else folder / f'{rest}.py'
    except ValueError as error:
        raise RequestError(f'row {request}: {error}') from None
    if not path.is_file():
        raise RequestError(no_config(rest, path, folder))
    name = name or path.stem
    # The name becomes that of a folder.
    if '/' in name or name.startswith('.'):
        raise RequestError(f'row {name}: give a name without / that begins with no dot')
    return Row(name, path.absolute())


def no_config(request: str, path: Path, folder: Path) -> str:
    known = sorted(found.stem for found in folder.glob('*.py'))
    if request.endswith('.py'):
        return f'row {request}: config {path} not found'
    if not known:
        return f'row {request}: there are no configs in {folder}'
    near = did_you_mean(request, known) or f'{folder} has {", ".join(known)}'
    return f'row {request}: no config of that name; {near}'
