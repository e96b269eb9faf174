"""Ids that a COCO file gives to images and categories."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePath

from eca_mm.coco_format.read import read_json
from eca_mm.errors import RequestError

from .inputs import VIDEOS, Sample, file_name


class Ids:
    """Ids of images by the ends of their paths, of categories by label.

    Args:
        path: Of the file.
        images: Names and ids in it.
        categories: Ids by label.
    """

    def __init__(
        self, path: Path, images: list[tuple[str, int]], categories: list[int]
    ) -> None:
        self.path, self.categories = path, categories
        self.known: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        for name, number in images:
            parts = PurePath(name).parts
            self.known.setdefault(parts[-1], []).append((parts, number))

    def image(self, sample: Sample) -> int:
        return self.of(sample.path, sample.frame)

    def of(self, path: Path, frame: int | None) -> int:
        """The id of the name that has most folders in common with a path's end.

        Raises:
            RequestError: There is none, or there are several.
        """
        name = file_name(path, frame)
        parts = (*Path(os.path.abspath(path)).parts[:-1], name)
        found = [(common(parts, p), number) for p, number in self.known.get(name, ())]
        if not found:
            raise RequestError(f'--ann {self.path} has no image {name}')
        most = max(length for length, _ in found)
        numbers = [number for length, number in found if length == most]
        if len(numbers) > 1:
            raise RequestError(
                f'--ann {self.path} has {len(numbers)} images that may be {path}'
            )
        return numbers[0]

    def check(self, paths: Iterable[Path]) -> None:
        """Raise RequestError if an input has no id of its own."""
        owners: dict[int, Path] = {}
        for path in paths:
            number = self.of(path, 0 if path.suffix.lower() in VIDEOS else None)
            other = owners.setdefault(number, path)
            if other != path:
                raise RequestError(
                    f'--ann {self.path} has one image for {other} and {path}'
                )


def common(parts: tuple[str, ...], others: tuple[str, ...]) -> int:
    """How many parts at the end are equal."""
    count = 0
    for one, other in zip(reversed(parts), reversed(others), strict=False):
        if one != other:
            break
        count += 1
    return count


def read_ids(path: Path, classes: list[str]) -> Ids:
    """Read ``--ann``; RequestError if it is none, or lacks a class."""
    try:
        content = read_json(path)
        images = [(i['file_name'], i['id']) for i in content['images']]
        categories = {c['name']: c['id'] for c in content['categories']}
        return Ids(path, images, [categories[name] for name in classes])
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise RequestError(f'--ann {path}: {error}') from error
    except KeyError as error:
        raise RequestError(f'--ann {path}: it has no {error}') from error
