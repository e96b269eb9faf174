"""Which images belong to train, val and the like."""

from itertools import combinations
from pathlib import Path

from labels import require_once, warn

from eca_mm.engine import RequestError
from eca_mm.findings import some


def check_splits(splits: list[list[str]]) -> None:
    """Raises RequestError for a --split that cannot be meant so."""
    for name, *lists in splits:
        if len(lists) > 1 or Path(name).name != name or name in ('', '..'):
            raise RequestError(f'--split {name!r}: give a name and at most one file')
        if lists and not Path(lists[0]).is_file():
            raise RequestError(f'--split {name} {lists[0]}: there is no such file')
    require_once([name for name, *_ in splits], '--split')


def listed_splits(found, splits: list[list[str]]) -> dict:
    """The data set of each --split by its name."""
    chosen = {name: part(found, name, *lists) for name, *lists in splits}
    for one, other in combinations(chosen, 2):
        both = set(chosen[one].image_paths) & set(chosen[other].image_paths)
        if both:
            names = some(sorted(Path(path).name for path in both))
            warn(f'{len(both)} images are in {one} and in {other}: {names}')
    return chosen


def drawn_splits(found, val_share: float, seed: int) -> dict:
    train, val = found.split(1 - val_share, random_state=seed)
    if not len(train) or not len(val):
        raise RequestError(f'{len(found)} images are too few for two splits')
    return dict(train=train, val=val)


def part(found, split: str, listed: str | None = None):
    """The images that a file lists by name, with or without ending."""
    if listed is None:
        return found
    try:
        lines = Path(listed).read_text(encoding='utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f'--split {split} {listed}: {error}') from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise RequestError(f'--split {split} {listed}: it lists no image')
    known = {Path(path).stem: path for path in found.image_paths}
    known |= {Path(path).name: path for path in found.image_paths}
    places = {name: place_of(name, known) for name in names}
    if lost := [name for name in names if places[name] is None]:
        raise RequestError(f'--split {split} {listed}: no image is named {some(lost)}')
    paths = sorted(set(places.values()))
    chosen = {path: found.annotations[path] for path in paths}
    return type(found)(found.classes, paths, chosen)


def place_of(line: str, known: dict[str, str]) -> str | None:
    """The image of a line: all of it, or its first word, as VOC adds marks to it."""
    names = [Path(text).name for text in (line, line.split()[0])]
    return next((known[name] for name in names if name in known), None)
