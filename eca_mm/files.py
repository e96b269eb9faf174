import csv
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# How a cell begins that Excel or LibreOffice computes, in full width, too.
FORMULA = ('=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠')


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to, and put the file in place when it is whole.

    Its bytes are on the disk before its name is: after a crash or a power cut there is
    the old file or the new one. A killed process leaves the temporary file behind.
    """
    temporary = path.with_name(f'.{path.stem}.tmp{path.suffix}')
    try:
        yield temporary
        flush_to_disk(temporary)
        os.replace(temporary, path)
        flush_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_csv(path: Path, rows: list[dict]) -> None:
    """Write a CSV file whose columns are the keys of the first row."""
    columns = [*rows[0]]
    write_rows(path, [columns, *([row.get(c) for c in columns] for row in rows)])


def write_rows(path: Path, rows: Iterable[Iterable]) -> None:
    """Write a CSV file in which no text is a formula."""
    with (
        replaced(path) as temporary,
        temporary.open(
            'w', newline='', encoding='utf-8', errors='backslashreplace'
        ) as file,
    ):
        writer = csv.writer(file, lineterminator='\n')
        writer.writerows(map(no_formula, row) for row in rows)


def no_formula(value):
    """A text that a spreadsheet would compute, with an apostrophe before it.

    Numbers stay as they are, also as text.
    """
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value


def flush_to_disk(path: Path) -> None:
    """Wait until the bytes of a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path, name: str) -> None:
    """Remove the temporary files that killed processes left in a folder.

    Args:
        name: Pattern of the final names, such as ``*.pth``.
    """
    pattern = Path(name)
    for path in folder.glob(f'.{pattern.stem}.tmp{pattern.suffix}'):
        path.unlink(missing_ok=True)


def inside(folder: Path, name: Any) -> Path:
    """The file in ``folder`` that a name from a stranger's file means.

    Links are followed first: one that leads out of the folder is outside.

    Returns:
        Its path, which need not be there.

    Raises:
        ValueError: It is no name of a file, or lies outside: one line that names it.
    """
    said = repr(shortened(str(name)))
    try:
        path = folder / name
        within = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
        if not within:
            raise ValueError(f'{said} lies outside of its folder')
        path.stat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError(f'{said} is too long for the name of a file') from None
    except (TypeError, UnicodeEncodeError):
        raise ValueError(f'{said} is not a name that a file can have') from None
    return path


def shortened(name: str, most: int = 60) -> str:
    """A name for a line of text."""
    return name if len(name) <= most else name[:most] + '…'


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file that is a regular one of at most ``most`` bytes.

    Raises:
        OSError: It cannot be read; a pipe or a device is not opened.
        ValueError: It is larger.
    """
    check_size(path, most)
    with path.open('rb') as file:
        content = file.read(most + 1)
    if len(content) > most:  # it grew
        raise ValueError(f'{path.name} has more than {most} bytes')
    return content


def check_size(path: Path, most: int) -> None:
    """Reject what is no regular file, or is larger, before it is opened.

    Raises:
        OSError: It is not there, or no regular file.
        ValueError: It has more than ``most`` bytes.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f'{path.name} is not a file')
    if status.st_size > most:
        raise ValueError(
            f'{path.name} has {status.st_size} bytes, more than {most} bytes'
        )
