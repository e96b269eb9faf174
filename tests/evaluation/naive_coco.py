"""Small random data sets, and COCO's matching and AP once more in plain loops."""

import numpy as np

SIDE = 64  # pixels
RECALLS = np.linspace(0, 1, 101)


def box(rng) -> list[int]:
    x, y = (int(v) for v in rng.integers(0, 40, 2))
    w, h = (int(v) for v in rng.integers(4, 24, 2))
    return [x, y, w, h]


def shaped(row: dict) -> dict:
    """Give a row the polygon of its box, so that both kinds of IoU apply."""
    x, y, w, h = (int(v) for v in row['bbox'])
    polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
    return dict(row, segmentation=[polygon])


def random_set(seed: int, images: int = 12) -> tuple[dict, list[dict]]:
    """Crowds, areas marked to be ignored, equal scores and boxes, results in no order.

    Class 9 has no objects, class 4 no detections, image 3 no objects, image 5 no
    detections, image 8 neither.
    """
    rng = np.random.default_rng(seed)
    annotations, results = [], []
    for image in range(1, images + 1):
        boxes = [box(rng) for _ in range(rng.integers(1, 7))]
        for shape in boxes if image not in (3, 8) else []:
            annotations.append(
                dict(
                    id=1000 - len(annotations),
                    image_id=image,
                    category_id=int(rng.choice([2, 4, 7])),
                    bbox=shape,
                    area=shape[2] * shape[3] * 4,
                    iscrowd=int(rng.random() < 0.1),
                    ignore=int(rng.random() < 0.1),
                )
            )
        for _ in range(rng.integers(4, 16) if image not in (5, 8) else 0):
            near = np.array(boxes[rng.integers(len(boxes))])
            jitter = rng.integers(-6, 7, 4) * rng.integers(0, 2)
            shape = np.maximum(near + jitter, [0, 0, 1, 1])
            results.append(
                dict(
                    image_id=image,
                    category_id=int(rng.choice([2, 7, 9], p=[0.45, 0.45, 0.1])),
                    bbox=shape.tolist() if rng.random() < 0.8 else box(rng),
                    score=int(rng.integers(1, 20)) / 20,
                )
            )
    order = rng.permutation(len(results))
    coco = dict(
        images=[dict(id=i, width=SIDE, height=SIDE) for i in range(images, 0, -1)],
        categories=[dict(id=i, name=f'class {i}') for i in (7, 2, 4, 9)],
        annotations=[shaped(row) for row in annotations],
    )
    return coco, [shaped(results[i]) for i in order]


def pixels(row: dict) -> np.ndarray:
    """The polygon of a whole-numbered box as a mask, cut off at the image's edge."""
    canvas = np.zeros((SIDE, SIDE), bool)
    x, y, w, h = (int(v) for v in row['bbox'])
    canvas[y : y + h, x : x + w] = True
    return canvas


def overlap(found: dict, wanted: dict, iou_type: str) -> float:
    """IoU; on a crowd the share of the detection that lies on it."""
    if iou_type == 'segm':
        a, b = pixels(found), pixels(wanted)
        common, sizes = (a & b).sum(), (a.sum(), b.sum())
    else:
        (x, y, w, h), (u, v, r, s) = found['bbox'], wanted['bbox']
        common = max(0, min(x + w, u + r) - max(x, u))
        common *= max(0, min(y + h, v + s) - max(y, v))
        sizes = w * h, r * s
    whole = sizes[0] if wanted.get('iscrowd') else sum(sizes) - common
    return float(common / whole)


def ranked(results: list[dict]) -> list[int]:
    """Indices by falling score; equal scores by image, then as in the results."""
    return sorted(
        range(len(results)),
        key=lambda i: (-results[i]['score'], results[i]['image_id'], i),
    )


def match(coco: dict, results: list[dict], iou_type='bbox', iou=0.5) -> list:
    """Of each detection the annotation it found, None if wrong, 'crowd' if on one."""
    outcome: list = [None] * len(results)
    taken = set()
    for i in ranked(results):
        best, least = None, iou
        on_crowd = False
        for row in coco['annotations']:
            if any(row[k] != results[i][k] for k in ('image_id', 'category_id')):
                continue
            value = overlap(results[i], row, iou_type)
            if row['iscrowd']:
                on_crowd |= value >= iou
            elif row['id'] not in taken and value >= least:
                best, least = row, value
        if best:
            taken.add(best['id'])
        outcome[i] = best or ('crowd' if on_crowd else None)
    return outcome


def average_precision(flags: list[bool], objects: int) -> float:
    """AP of detections in falling order of score, right (True) or wrong."""
    points = []
    for i in range(len(flags)):
        right = sum(flags[: i + 1])
        points.append((right / objects if objects else 0, right / (i + 1)))
    heights = [max([p for r, p in points if r >= at], default=0) for at in RECALLS]
    return sum(heights) / len(heights) if objects else 0.0
