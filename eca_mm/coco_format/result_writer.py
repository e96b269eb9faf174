"""Detections as COCO's result files have them."""

from collections.abc import Callable

import numpy as np


def coco_results(
    results: list[dict],
    category_ids: list[int],
    box_of: Callable[[np.ndarray], list[float]],
) -> list[dict]:
    """Predictions as COCO's result files have them, which tools/report.py reads.

    Args:
        results: Of each image ``img_id`` and ``pred_instances``: bboxes (N, 4) as x1,
            y1, x2, y2 in pixels, scores (N,), labels (N,), perhaps N masks as RLE.
        category_ids: By label.
        box_of: From a box as x1, y1, x2, y2 to x, y, width, height.

    Returns:
        Dicts with image_id, category_id, score, bbox (x, y, width, height), and
        segmentation where there are masks.
    """
    found = []
    for image in results:
        pred = image['pred_instances']
        boxes = [box_of(box) for box in np.asarray(pred['bboxes'])]
        masks = pred.get('masks', [None] * len(boxes))
        rows = zip(
            boxes,
            pred['scores'].tolist(),
            pred['labels'].tolist(),
            masks,
            strict=True,
        )
        for box, score, label, mask in rows:
            row = dict(
                image_id=image['img_id'],
                category_id=category_ids[label],
                bbox=box,
                score=score,
            )
            if mask is not None:
                counts = mask['counts']
                text = counts.decode() if isinstance(counts, bytes) else counts
                row['segmentation'] = dict(size=list(mask['size']), counts=text)
            found.append(row)
    return found
