"""Made-up COCO sets with the detections of a made-up detector, for tests and timings.

Sizes, classes, crowds and mistakes are spread roughly as in COCO val2017: 7.3 objects
and 62 detections an image. Everything follows from the seeds.
"""

import numpy as np

WIDTH, HEIGHT = 640, 480
POLYGON_POINTS = 16
MAX_PER_IMAGE = 100  # what mmdet's detectors keep


def make_detections(
    images: int, classes: int, seed: int = 0, masks: bool = False, **detector
) -> tuple[dict, list[dict]]:
    """A ground truth and the detections of one model on it.

    For several models on the same images call `make_ground_truth` once, and `detect`
    with a seed for each.

    Returns:
        The COCO dict, and detections in the COCO result format.
    """
    coco = make_ground_truth(images, classes, seed)
    return coco, detect(coco, seed + 1, masks, **detector)


def make_ground_truth(
    images: int,
    classes: int,
    seed: int = 0,
    objects_per_image: float = 7.3,
    crowd_share: float = 0.012,
) -> dict:
    """A COCO dict: polygons, and crowds as uncompressed RLE.

    As in COCO, category ids have gaps, a few classes hold most of the objects, and
    some images hold none.
    """
    rng = np.random.default_rng(seed)
    image_ids = np.sort(rng.choice(np.arange(1, 100 * images + 1), images, False))
    category_ids = np.arange(1, classes + 1) + np.arange(classes) // 9
    counts = rng.geometric(1 / (1 + objects_per_image), images) - 1
    rarity = np.arange(1, classes + 1) ** -0.7
    total = counts.sum()
    labels = rng.choice(category_ids, total, p=rarity / rarity.sum())
    boxes = _random_boxes(rng, total)
    polygons = _polygons(rng, boxes)
    crowd = rng.random(total) < crowd_share
    annotations = [
        dict(
            id=i + 1,
            image_id=int(image_id),
            category_id=int(labels[i]),
            bbox=boxes[i].tolist(),
            iscrowd=int(crowd[i]),
            **(_crowd(boxes[i]) if crowd[i] else _object(polygons[i])),
        )
        for i, image_id in enumerate(np.repeat(image_ids, counts))
    ]
    return dict(
        info=dict(description='synthetic'),
        images=[
            dict(id=int(i), file_name=f'{i:012d}.jpg', width=WIDTH, height=HEIGHT)
            for i in image_ids
        ],
        categories=[dict(id=int(i), name=f'class {i}') for i in category_ids],
        annotations=annotations,
    )


def detect(
    coco: dict,
    seed: int = 0,
    masks: bool = False,
    recall: float = 0.85,
    box_noise: float = 0.08,
    confusion: float = 0.15,
    duplicates: float = 0.3,
    background_per_image: float = 55,
) -> list[dict]:
    """Detections of a made-up model on a ground truth, image by image, best first.

    Args:
        coco: What `make_ground_truth` gave.
        seed: Of this model's own luck.
        masks: Add an RLE mask to each detection.
        recall: Share of the objects that are found.
        box_noise: Standard deviation of a found box's edges in box sizes.
        confusion: Share of the found objects that get another class.
        duplicates: Share of the found objects that are found a second time.
        background_per_image: Mean number of detections where nothing is.
    """
    rng = np.random.default_rng(seed)
    image_ids = np.array([image['id'] for image in coco['images']])
    category_ids = np.array([category['id'] for category in coco['categories']])
    objects = coco['annotations']
    found = np.flatnonzero(rng.random(len(objects)) < recall)
    found = np.append(found, rng.choice(found, int(duplicates * len(found)), False))
    n_background = rng.poisson(background_per_image * len(image_ids))

    images = np.array([a['image_id'] for a in objects], int)[found]
    labels = np.array([a['category_id'] for a in objects], int)[found]
    truth = np.array([a['bbox'] for a in objects], float).reshape(-1, 4)[found]
    boxes, error = _moved(rng, truth, box_noise)
    wrong = rng.random(len(found)) < confusion
    labels[wrong] = rng.choice(category_ids, wrong.sum())
    logits = rng.normal(1.5, 1.2, len(found)) - 4 * error - 1.2 * wrong

    images = np.append(images, rng.choice(image_ids, n_background))
    labels = np.append(labels, rng.choice(category_ids, n_background))
    boxes = np.concatenate([boxes, _random_boxes(rng, n_background)])
    logits = np.append(logits, rng.normal(-3, 1, n_background))
    # float32 first, as a model computes: files of real length, and some equal scores
    boxes = boxes.astype(np.float32)
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return [
        dict(
            image_id=int(images[i]),
            category_id=int(labels[i]),
            bbox=boxes[i].tolist(),
            score=float(scores[i]),
            **(dict(segmentation=_rle(rng, boxes[i])) if masks else {}),
        )
        for i in _best(images, scores)
    ]


def _random_boxes(rng, count: int) -> np.ndarray:
    """(count, 4) boxes x, y, width, height inside the image, in 1/100 pixels."""
    size = np.exp(rng.uniform(np.log(8), np.log(420), count))
    ratio = np.exp(rng.normal(0, 0.4, count))
    w = np.minimum(size * ratio, WIDTH - 1)
    h = np.minimum(size / ratio, HEIGHT - 1)
    x, y = rng.random((2, count)) * (WIDTH - w, HEIGHT - h)
    return np.stack([x, y, w, h], 1).round(2)


def _moved(rng, boxes: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Boxes with their edges moved, and how far on average, in box sizes."""
    # heavy tails: most boxes fit well, some badly
    shift = noise * rng.standard_t(4, boxes.shape)
    size = boxes[:, [2, 3, 2, 3]]
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    corners = np.clip(corners + shift * size, 0, (WIDTH, HEIGHT, WIDTH, HEIGHT))
    low, high = corners[:, :2], np.maximum(corners[:, 2:], corners[:, :2] + 1)
    return np.concatenate([low, high - low], 1), np.abs(shift).mean(1)


def _best(images: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Indices by image, then by falling score, the best of each image."""
    order = np.lexsort((-scores, images))
    _, first, count = np.unique(images[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, count)
    return order[rank < MAX_PER_IMAGE]


def _polygons(rng, boxes: np.ndarray) -> np.ndarray:
    """(N, points, 2) uneven ovals inside the boxes (N, 4)."""
    angle = np.linspace(0, 2 * np.pi, POLYGON_POINTS, endpoint=False)
    radius = rng.uniform(0.7, 1, (len(boxes), POLYGON_POINTS, 1)) / 2
    oval = 0.5 + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
    return (boxes[:, None, :2] + oval * boxes[:, None, 2:]).round(2)


def _object(polygon: np.ndarray) -> dict:
    x, y = polygon.T
    area = abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
    return dict(segmentation=[polygon.ravel().tolist()], area=float(area))


def _crowd(box: np.ndarray) -> dict:
    """The box as runs of background and object pixels, column after column."""
    x, y = box[:2].astype(int)
    w, h = np.maximum(box[2:].astype(int), 1)
    counts = [x * HEIGHT + y, h] + [HEIGHT - h, h] * (w - 1)
    counts.append(WIDTH * HEIGHT - sum(counts))
    rle = dict(size=[HEIGHT, WIDTH], counts=[int(c) for c in counts])
    return dict(segmentation=rle, area=float(w * h))


def _rle(rng, box: np.ndarray) -> dict:
    """A compressed mask as mmdet writes it in a result file."""
    from pycocotools import mask  # only here, numpy is enough for boxes

    polygon = _polygons(rng, box[None])[0].ravel().tolist()
    rle = mask.frPyObjects([polygon], HEIGHT, WIDTH)[0]
    return dict(size=rle['size'], counts=rle['counts'].decode())
