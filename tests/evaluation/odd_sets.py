"""Small COCO sets in which everything that is rare in real ones happens."""

import numpy as np
from pycocotools import mask as mask_api

# On both sides of COCO's limits between small, medium and large, and on them.
AREAS = (0, 32**2, 32**2 + 1, 96**2, 96**2 - 1)


def odd_set(seed: int, masks: bool = False) -> tuple[dict, list[dict]]:
    """A COCO dict and results, which for some seeds are empty.

    Crowds among several objects, areas unlike the box's, images and classes without
    objects or detections, ids with gaps and in no order, a class that the annotations
    lack, equal scores, IoUs that are exactly a threshold, more detections of a class in
    an image than count, boxes of no width; masks as polygons (several, concave, across
    the border), and as RLE, compressed and not.
    """
    rng = np.random.default_rng(seed)
    image_ids = rng.permutation([0, 1, 5, 77, 2**40, *range(100, 108)])
    image_ids = image_ids[: rng.integers(1, 10)].tolist()
    category_ids = rng.permutation([0, 1, 3, 4, 90, 1000])[: rng.integers(1, 7)]
    sizes = {i: rng.integers(100, 220, 2).tolist() for i in image_ids}
    objects = [
        _object(rng, i, sizes[i], category_ids, masks)
        for i in image_ids
        for _ in range(rng.choice([0, 1, 3, 12]))
    ]
    for number, row in enumerate(objects):
        row['id'] = 2 * number + 1
    rng.shuffle(objects)
    many = [] if masks else [150]
    results = [
        _result(rng, i, sizes[i], category_ids, objects, masks)
        for i in image_ids
        for _ in range(rng.choice([0, 2, 10, 40, *many]))
    ]
    rng.shuffle(results)
    coco = dict(
        images=[dict(id=i, height=h, width=w) for i, (h, w) in sizes.items()],
        categories=[dict(id=int(i), name=f'class {i}') for i in category_ids],
        annotations=objects,
    )
    return coco, results


def _object(rng, image_id, size, category_ids, masks) -> dict:
    bbox = _box(rng, size)
    area = bbox[2] * bbox[3] if rng.random() < 0.5 else rng.choice(AREAS)
    return dict(
        image_id=image_id,
        # the last class never has objects
        category_id=int(rng.choice(category_ids[: max(1, len(category_ids) - 1)])),
        bbox=bbox,
        area=float(area),
        iscrowd=int(rng.random() < 0.2),
        ignore=int(rng.random() < 0.1),  # COCO's evaluation takes no notice
        **(dict(segmentation=_mask(rng, bbox, size)) if masks else {}),
    )


def _result(rng, image_id, size, category_ids, objects, masks) -> dict:
    here = [row for row in objects if row['image_id'] == image_id]
    bbox, label = _box(rng, size), int(rng.choice([*category_ids, 4242]))
    mask = _mask(rng, bbox, size, ('rle',)) if masks else None
    if here and rng.random() < 0.7:
        row = here[rng.integers(len(here))]
        mask = _grown(rng, row['segmentation'], size) if masks else None
        shift = rng.choice([0, 1, 5]) * rng.integers(-1, 2, 4)
        bbox = np.maximum(np.array(row['bbox']) + shift, 0).tolist()
        label = row['category_id'] if rng.random() < 0.8 else label
    return dict(
        image_id=image_id,
        category_id=label,
        bbox=bbox,
        score=float(rng.choice([rng.integers(0, 9) / 8, rng.random()])),
        **(dict(segmentation=mask) if masks else {}),
    )


def _box(rng, size) -> list:
    """Whole pixels, so that IoUs are simple fractions, or not."""
    height, width = size
    x, y = rng.integers(0, (width - 2, height - 2))
    w, h = rng.integers(0, (width - x, height - y))
    return (np.array([x, y, w, h]) + rng.choice([0, 0.25, 0.3])).tolist()


def _mask(rng, bbox, size, kinds=('polygon', 'rle', 'counts')) -> list | dict:
    x, y, w, h = bbox
    polygons = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    if rng.random() < 0.7:
        corners = rng.uniform((x - 3, y - 3), (x + w + 3, y + h + 3), (2, 5, 2))
        polygons = corners.reshape(2, -1)[: rng.integers(1, 3)].tolist()
    kind = rng.choice(kinds)
    if kind == 'polygon':
        return polygons
    rle = mask_api.merge(mask_api.frPyObjects(polygons, *size))
    if kind == 'rle':
        return _text(rle)
    pixels = mask_api.decode(rle).ravel(order='F')
    edges = [0, *(np.flatnonzero(np.diff(pixels)) + 1), pixels.size]
    counts = np.diff(edges).tolist()
    return dict(size=size, counts=[0, *counts] if pixels[0] else counts)


def _grown(rng, mask: list | dict, size) -> dict:
    """The same pixels and the first few columns of the image, or just the same."""
    if isinstance(mask, list):
        mask = mask_api.merge(mask_api.frPyObjects(mask, *size))
    elif isinstance(mask['counts'], list):
        mask = mask_api.frPyObjects(mask, *size)
    w = float(rng.choice([0, 1, 3, 9, 30]))
    columns = [[0, 0, w, 0, w, size[0], 0, size[0]]]
    return _text(mask_api.merge([mask, *mask_api.frPyObjects(columns, *size)]))


def _text(rle: dict) -> dict:
    return dict(size=list(rle['size']), counts=rle['counts'].decode())
