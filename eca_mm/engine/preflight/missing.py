"""The usual causes why an image file is not where its name says."""

import os
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

LONGEST = 255  # bytes of a name, on all usual file systems
COPY = (
    'the annotations and the image folder do not belong together, or copy the files '
    'there'
)
URL = 'file_name is a URL: download the images, and write their file names instead'
LONG = 'a file cannot have such a name: write the name of the image file'
BACKSLASH = 'file_name has "\\" between folders, as Windows writes: write "/" for it'
FOLDER = 'leave the folder out of file_name: data_prefix.img contains it already'
PREFIX = 'write the folder into file_name, or change data_prefix.img'
CASE = 'upper and lower case differ: write file_name as the file is named'
ENDING = 'the files have another ending: write file_name as the file is named'


Names = tuple[dict[str, str], dict[str, str]]


def cause(
    name: str, folder: Path, names_in: Callable[[Path], Names]
) -> tuple[str, str]:
    """What exists instead of a file, '' if nothing does, and the remedy.

    Args:
        names_in: :func:`list_names`, which may remember what it listed.
    """
    if '://' in name:
        return '', URL
    if max(map(len, os.fsencode(name).split(b'/'))) > LONGEST:
        return '', LONG
    plain = name.replace('\\', '/')
    if '\\' in name:
        there = is_file(folder / plain) or is_file(folder / PureWindowsPath(name).name)
        return '', BACKSLASH if there else f'{BACKSLASH}, and {COPY}'
    path = folder / name
    if is_file(folder / path.name):
        return path.name, FOLDER
    # Of a folder that is called as the first in the name: images/images/1.jpg
    if is_file(folder / folder.name / name):
        return f'{folder.name}/{name}', PREFIX
    by_name, by_stem = names_in(path.parent)
    if other := by_name.get(path.name.lower()):
        return other, CASE
    if other := by_stem.get(path.stem.lower()):
        return other, ENDING
    return '', COPY


def is_file(path: Path) -> bool:
    """Whether a file is there, False also for names that no file can have."""
    return os.path.isfile(path)


def list_names(folder: Path) -> Names:
    """The files of a folder by their names, and without the ending, in lower case."""
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError):
        names = []
    by_name = {name.lower(): name for name in names}
    return by_name, {os.path.splitext(name)[0].lower(): name for name in names}
