"""Images with the classes that they show, for looking at what a model does on them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmdet.registry import DATASETS
from mmengine.config import Config

SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp'}


@dataclass(frozen=True)
class LabelledImages:
    """Images and classes.

    Attributes:
        infos: What the pipeline of a data set takes, one dict an image.
        members: (images, classes), True where the image shows the class.
        classes: Names of the classes.
    """

    infos: list[dict]
    members: np.ndarray
    classes: list[str]

    def sample(self, count: int, seed: int) -> 'LabelledImages':
        """At most ``count`` of them, drawn without replacement."""
        rng = np.random.default_rng(seed)
        drawn = np.sort(rng.permutation(len(self.infos))[:count])
        return LabelledImages(
            [self.infos[i] for i in drawn], self.members[drawn], self.classes
        )


def from_dataset(cfg: Config) -> LabelledImages:
    """The images of a config's test set, with the classes of their objects."""
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    classes = list(dataset.metainfo['classes'])
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    members = np.zeros((len(infos), len(classes)), bool)
    for row, info in zip(members, infos, strict=True):
        row[[instance['bbox_label'] for instance in info['instances']]] = True
    return LabelledImages(infos, members, classes)


def from_folder(root: Path) -> LabelledImages:
    """The images of a folder that has one folder of images a class.

    Raises:
        ValueError: There are no such folders with images.
    """
    found = [
        (path, path.parent.name)
        for path in sorted(root.glob('*/*'))
        if path.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise ValueError(
            f'{root} has no images: give a folder with one folder of images a class'
        )
    classes = sorted({name for _, name in found})
    labels = np.array([name for _, name in found])
    infos = [dict(img_path=str(path), img_id=i) for i, (path, _) in enumerate(found)]
    return LabelledImages(infos, labels[:, None] == np.array(classes), classes)
