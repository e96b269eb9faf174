"""One or two real images of an annotation file in the place of all of them."""

import json
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from mmdet.registry import DATASETS
from mmengine.dataset import BaseDataset
from torch.utils.data import Dataset

from .config_parts import image_folder, leaf_datasets, wrapped

TAKEN = 2  # images: one has no neighbour to mix or to collate with


@dataclass
class StandIn:
    """A few images of an annotation file.

    Attributes:
        coco: Their part of the file.
        images: How many images the whole file has.
        objects: How many of them have an annotation.
    """

    coco: dict
    images: int
    objects: int

    def write(self, folder: Path) -> Path:
        """A file in ``folder`` with these images alone."""
        path = folder / f'{id(self)}.json'
        if not path.exists():
            path.write_text(json.dumps(self.coco))
        return path


def stand_in(sound: dict, datasets: list[dict]) -> StandIn | None:
    """The first images that are there, those with most objects to choose from first.

    Args:
        sound: The parts of an annotation file, without entries that have an error.
        datasets: Those that read it.

    Returns:
        None if no image is there.
    """
    counts = Counter(
        entry['image_id']
        for entry in sound.get('annotations', ())
        if not entry.get('iscrowd')
    )
    folders = [image_folder(dataset) for dataset in datasets]
    low = max(
        [
            (dataset.get('filter_cfg') or {}).get('min_size') or 0
            for dataset in datasets
        ],
        default=0,
    )
    fits = [
        image
        for image in sound['images']
        if min(image['width'], image['height']) >= low
    ]
    taken = []
    for image in sorted(fits, key=lambda image: not counts[image['id']]):
        if all((folder / image['file_name']).is_file() for folder in folders):
            taken.append(image)
        if len(taken) == TAKEN:
            break
    if not taken:
        return None
    ids = {image['id'] for image in taken}
    annotations = [a for a in sound.get('annotations', ()) if a['image_id'] in ids]
    coco = dict(images=taken, annotations=annotations, categories=sound['categories'])
    return StandIn(coco, len(sound['images']), len(counts))


def shortened(
    dataset: dict, stand_ins: dict[Path, StandIn], folder: Path
) -> float | None:
    """Have a data set read stand-ins; it is changed.

    Returns:
        How many images of the whole data set each of its images stands for; None where
        there is no stand-in: then it reads nothing until it is used.
    """
    leaves = list(leaf_datasets(dataset))
    found = [stand_ins.get(annotation_file(leaf)) for leaf in leaves]
    if None in found:
        for node in (*wrappers(dataset), *leaves):
            kind = (
                DATASETS.get(node['type'])
                if isinstance(node.get('type'), str)
                else None
            )
            if kind is not None and (
                node not in leaves or issubclass(kind, BaseDataset)
            ):
                node['lazy_init'] = True
        return None
    for leaf, small in zip(leaves, found, strict=True):
        leaf['ann_file'] = str(small.write(folder))
    few = sum(len(small.coco['images']) for small in found)
    kept = [
        small.objects
        if (leaf.get('filter_cfg') or {}).get('filter_empty_gt')
        and not leaf.get('test_mode')
        else small.images
        for leaf, small in zip(leaves, found, strict=True)
    ]
    return sum(kept) / few


def annotation_file(dataset: dict) -> Path:
    return Path(dataset.get('data_root') or '') / (dataset.get('ann_file') or '')


def wrappers(dataset: dict) -> list[dict]:
    """The data sets around the innermost ones."""
    inner = wrapped(dataset)
    if inner is None:
        return []
    return [dataset, *(node for each in inner for node in wrappers(each))]


class Stretched(Dataset):
    """A short data set that says it is longer: its images come again and again.

    Samplers and schedules see the true length. Everything else is the short one's.
    """

    def __init__(self, dataset: Dataset, length: int) -> None:
        self.short, self.length = dataset, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int):
        return self.short[index % len(self.short)]

    def get_data_info(self, index: int) -> dict:
        return self.short.get_data_info(index % len(self.short))

    def __getattr__(self, name: str) -> Callable:
        if name == 'short':  # before __init__, as while it is copied
            raise AttributeError(name)
        return getattr(self.short, name)


def built(
    dataset: dict, stand_ins: dict[Path, StandIn], folder: Path
) -> tuple[Dataset, bool]:
    """A data set from a copy of its config, on stand-ins, and whether it has these."""
    settings = deepcopy(dataset)
    factor = shortened(settings, stand_ins, folder)
    found = DATASETS.build(settings)
    if factor is None:
        return Stretched(found, 1), False
    if hasattr(found, 'full_init'):
        found.full_init()
    return Stretched(found, max(1, round(factor * len(found)))), len(found) > 0
