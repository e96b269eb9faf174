"""Read the boxes of Pascal VOC or YOLO labels with supervision.

It reads a whole folder at once, keeps the masks of all polygons in it, and stops at
what is no label without a name of it. Here it sees a few images at a time.
"""

import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from eca_mm.engine import RequestError
from eca_mm.findings import some
from eca_mm.progress import progress

ENDS = dict(voc='.xml', yolo='.txt')
AT_ONCE = 64  # images, whose masks are in memory: 1 MB for an object of 1333x800


def library():
    """supervision, whose import takes seconds: after what is wrong at first sight."""
    try:
        import supervision
    except ImportError as error:
        raise RequestError(f'{error}: pip install supervision') from error
    return supervision


def files_of(folder: Path, end: str = '') -> list[Path]:
    """Files of a folder, sorted; macOS puts a file ._NAME of its own beside each."""
    found = (path for path in folder.glob(f'*{end}') if path.is_file())
    return sorted((path for path in found if not path.name.startswith('._')), key=str)


def load(
    kind: str,
    images: Path,
    labels: Path,
    data_yaml: Path | None = None,
    masks: bool = False,
) -> dict:
    """A supervision.Detections for each image of a folder, by its path, sorted.

    Class ids of VOC are those of a few images and mean nothing among all of them.

    Args:
        masks: Whether polygons are kept as masks.

    Raises:
        RequestError: Labels or images cannot be read, or do not belong together.
    """
    sets = library().DetectionDataset
    if kind == 'yolo':
        read = partial(sets.from_yolo, data_yaml_path=str(data_yaml))
    else:
        read = sets.from_pascal_voc
    read = partial(read, annotations_directory_path=str(labels))
    paths, found = files_of(images), {}
    with progress(len(paths), 'images') as bar:
        for first in range(0, len(paths), AT_ONCE):
            some_paths = paths[first : first + AT_ONCE]
            found |= read_some(read, some_paths, masks)
            bar.update(len(some_paths))
    tell_of_pairs(list(found), labels, ENDS[kind])
    return found


def read_some(read: Callable, paths: list[Path], masks: bool) -> dict:
    """As :func:`load`; if something is wrong, one by one, to name the image."""
    with TemporaryDirectory() as view:
        links = {str(Path(view, path.name)): path for path in paths}
        for link, path in links.items():
            Path(link).symlink_to(path.resolve())
        try:
            part = read(view).annotations
            found = {str(links[link]): part[link] for link in sorted(part)}
            check_images(found)
        except (ValueError, OSError, IndexError) as error:
            if len(paths) > 1:
                for path in paths:
                    read_some(read, [path], masks)
            said = ' '.join(str(error).replace(view, str(paths[0].parent)).split())
            raise RequestError(f'{paths[0]}: {said}') from error
    for boxes in found.values():
        if not masks:
            boxes.mask = None
        elif boxes.mask is not None:  # else an object in two parts is a crowd
            boxes.data['iscrowd'] = np.zeros(len(boxes), int)
    return found


def check_images(paths) -> None:
    """Raises OSError for one that is none; without labels nothing has opened it yet."""
    from PIL import Image

    for path in paths:
        Image.open(path).close()


def tell_of_pairs(paths: list[str], labels: Path, end: str) -> None:
    """Name images and labels that are alone; RequestError if all of them are."""
    count = Counter(Path(path).stem for path in paths)
    images = set(count)
    # labelImg writes classes.txt beside the labels of YOLO.
    files = {path.stem for path in files_of(labels, end)} - {'classes'}
    if not images & files:
        raise RequestError(f'{labels} has no {end} with the name of an image')
    if twice := sorted(stem for stem in images if count[stem] > 1):
        names = [Path(path).name for path in paths if Path(path).stem == twice[0]]
        raise RequestError(f'{" and ".join(names)} have one name: which is labelled?')
    if images - files:
        rest = some(sorted(images - files))
        warn(f'without labels, taken for images without objects: {rest}')
    if files - images:
        warn(f'labels without an image, left out: {some(sorted(files - images))}')


def yolo_names(path: Path) -> list[str]:
    """The classes of a data.yaml, whose places are the ids in the labels.

    Raises:
        RequestError: It cannot be read, or says no such list. (supervision numbers
            names anew where they begin at 1 or leave a number out.)
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8-sig'))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RequestError(f'{path}: {" ".join(str(error).split())}') from error
    names = content.get('names') if isinstance(content, dict) else None
    if isinstance(names, dict):
        keys = [int(key) if str(key).isdecimal() else key for key in names]
        if sorted(map(str, keys)) != sorted(map(str, range(len(keys)))):
            raise RequestError(
                f'{path}: names have the numbers {some(keys, 9)}, and need all from 0 '
                f'to {len(keys) - 1}, as the labels have them'
            )
        names = [names[key] for _, key in sorted(zip(keys, names, strict=True))]
    if not names or not isinstance(names, list):
        raise RequestError(f'{path} needs names, such as names: [cat, dog]')
    if odd := [name for name in names if isinstance(name, bool | dict | list | None)]:
        raise RequestError(f'{path}: {odd[0]!r} is no name; put it into quotes')
    require_once([str(name) for name in names], f'{path}: class')
    return [str(name) for name in names]


def require_once(names: list[str], what: str) -> None:
    """Raises RequestError for an empty name, and for one that is there twice."""
    for name, count in Counter(names).items():
        if not name.strip():
            raise RequestError(f'{what} {name!r} is no name')
        if count > 1:
            raise RequestError(f'{what} {name} is there {count} times')


def warn(text: str) -> None:
    print(f'warning: {text}', file=sys.stderr)
