"""Raw predictions in a file that is there whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

from mmdet.evaluation import CocoMetric, DumpDetResults
from mmengine.fileio import dump

from eca_mm.coco_format.result_writer import coco_results
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
