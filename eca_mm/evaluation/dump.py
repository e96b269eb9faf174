"""Raw predictions in a file that is there whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mmdet.evaluation import CocoMetric, DumpDetResults
from mmengine.fileio import dump

from eca_mm.files import replaced

SUFFIXES = ('.pkl', '.pickle', '.json')


def write_pickle(results: list[dict], path: Path) -> None:
    """mmdet's own form, for its own tools; nothing here reads it."""
    dump(results, str(path), file_format='pkl')


class WholeDump(DumpDetResults):
    """mmdet's DumpDetResults, whose file takes its name when it is complete.

    Args:
        path: Of the file; JSON for ``.json``, else a pickle.
        category_ids: Of the data set, by label; for JSON.
        metric: By whose rule boxes get their width and height, mmdet's by default; for
            JSON.
    """

    def __init__(
        self, path: str, category_ids: list[int], metric: CocoMetric | None = None
    ) -> None:
        super().__init__(out_file_path='unused.pkl')  # the host takes no other name
        self.path = Path(path)
        self.category_ids = category_ids
        self.box_of = (metric or CocoMetric()).xyxy2xywh

    def compute_metrics(self, results: list[dict]) -> dict:
        write: Callable = write_pickle
        if self.path.suffix == '.json':
            write = self.write_json
        with replaced(self.path) as temporary:
            write(results, temporary)
        return {}

    def write_json(self, results: list[dict], path: Path) -> None:
        found = coco_results(results, self.category_ids, self.box_of)
        path.write_text(json.dumps(found))


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
        boxes = [box_of(box) for box in pred['bboxes'].numpy()]
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
