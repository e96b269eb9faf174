"""Small data sets as labelling tools write them: Pascal VOC's XML, YOLO's texts."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDES = ('xmin', 'ymin', 'xmax', 'ymax')


def draw(path: Path, size: tuple[int, int]) -> None:
    """An image (width, height) of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).save(path)


def voc_object(name: str, box: tuple, difficult: int | None = None) -> str:
    hard = '' if difficult is None else f'<difficult>{difficult}</difficult>'
    sides = ''.join(f'<{k}>{v}</{k}>' for k, v in zip(SIDES, box, strict=True))
    return f'<object><name>{name}</name>{hard}<bndbox>{sides}</bndbox></object>'


def voc_image(root: Path, name: str, size: tuple[int, int], *objects: str) -> Path:
    """An image and its XML file, which says the size that the image has."""
    draw(root / 'images' / name, size)
    sides = f'<width>{size[0]}</width><height>{size[1]}</height><depth>3</depth>'
    path = root / 'xml' / Path(name).with_suffix('.xml').name
    path.parent.mkdir(exist_ok=True)
    text = f'<annotation><size>{sides}</size>{"".join(objects)}</annotation>'
    path.write_text(text)
    return path


def voc_set(root: Path) -> Path:
    """Five images: dogs are only in train; of b and d one has no objects, one no XML.

    The list files name what is in train and val, as those of VOC do.
    """
    dog, cat = voc_object('dog', (1, 1, 64, 48)), voc_object('cat', (11, 6, 20, 25), 1)
    voc_image(root, 'a.png', (64, 48), dog, cat)
    voc_image(root, 'b.png', (64, 48))
    voc_image(root, 'c.JPG', (48, 64), voc_object('cat', (5, 7, 44, 60), 0))
    draw(root / 'images/d.png', (64, 48))
    voc_image(root, 'e.png', (64, 48), voc_object('cat', (3, 4, 40.5, 40)))
    (root / 'train.txt').write_text('a\nb\nd\n')
    (root / 'val.txt').write_text('e.png\nc\n')
    return root


def yolo_set(root: Path) -> Path:
    """Three images; one has an empty file and one has none. Class 2 has no object."""
    for name, size in dict(a=(64, 48), b=(64, 48), c=(40, 20)).items():
        draw(root / f'images/train/{name}.png', size)
    folder = root / 'labels/train'
    folder.mkdir(parents=True)
    (folder / 'a.txt').write_text('')
    (folder / 'c.txt').write_text('0 0.5 0.5 1 1\n1 0.25 0.5 0.25 0.5\n')
    (root / 'data.yaml').write_text('names: {0: dog, 1: cat, 2: bird}\n')
    return root
