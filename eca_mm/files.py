import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
    with replaced(path) as temporary, temporary.open('w', newline='') as file:
        writer = csv.DictWriter(file, rows[0], lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)


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
