"""Raw predictions: mmdet's pickle or COCO's JSON, whole or not at all."""

import json

import numpy as np
import pytest
import torch
from pycocotools import mask as rle

from eca_mm.evaluation.dump import WholeDump
from eca_mm.mmdet_v1 import V1CocoMetric
from eca_mm.report.run_files import read_results
from eca_mm.report.runs import Run


def predictions(masks: bool) -> list[dict]:
    pred = dict(
        bboxes=torch.tensor([[1.0, 2, 4, 8], [0, 0, 5, 5]]),
        scores=torch.tensor([0.5, 0.25]),
        labels=torch.tensor([1, 0]),
    )
    if masks:
        pred['masks'] = torch.zeros(2, 9, 9, dtype=torch.bool)
        pred['masks'][0, 2:8, 1:4] = True
    return [
        dict(img_id=7, pred_instances=pred, gt_instances=None),
        dict(img_id=9, pred_instances={k: v[:0] for k, v in pred.items()}),
    ]


@pytest.mark.parametrize('masks', [False, True])
def test_json_is_what_the_report_reads(tmp_path, masks):
    path = tmp_path / 'raw.json'
    metric = WholeDump(str(path), category_ids=[3, 90])
    metric.process({}, predictions(masks))
    assert metric.evaluate(size=2) == {}
    found = read_results(Run('a', {'': path}))
    rows = json.loads(path.read_text())
    assert found == dict.fromkeys(['bbox', 'segm'] if masks else ['bbox'], rows)
    keys = ('image_id', 'category_id', 'bbox', 'score')
    assert [[row[key] for key in keys] for row in rows] == [
        [7, 90, [1, 2, 3, 6], 0.5], [7, 3, [0, 0, 5, 5], 0.25],
    ]  # fmt: skip
    if masks:
        expected = np.zeros((9, 9))
        expected[2:8, 1:4] = 1
        assert (rle.decode(rows[0]['segmentation']) == expected).all()
    assert [path.name for path in tmp_path.iterdir()] == ['raw.json']


def test_boxes_are_as_wide_as_the_metric_says(tmp_path):
    """1.x's has a last pixel."""
    path = tmp_path / 'raw.json'
    metric = WholeDump(str(path), [3, 90], V1CocoMetric())
    metric.process({}, predictions(False))
    metric.evaluate(size=2)
    boxes = [row['bbox'] for row in json.loads(path.read_text())]
    assert boxes == [[1, 2, 4, 7], [0, 0, 6, 6]]


def test_pickle_is_replaced_whole(tmp_path, monkeypatch):
    path = tmp_path / 'raw.pkl'
    path.write_text('before')
    metric = WholeDump(str(path), None)
    metric.process({}, predictions(False))
    monkeypatch.setattr('eca_mm.evaluation.dump.dump', fail := Fail())
    with pytest.raises(OSError):
        metric.evaluate(size=2)
    assert path.read_text() == 'before' and fail.calls == 1
    monkeypatch.undo()
    metric.evaluate(size=2)
    assert path.read_bytes()[:1] == b'\x80'  # a pickle's first byte
    assert [path.name for path in tmp_path.iterdir()] == ['raw.pkl']


class Fail:
    """A disk that is full after some bytes."""

    calls = 0

    def __call__(self, results, path, **kwargs) -> None:
        self.calls += 1
        with open(path, 'wb') as file:
            file.write(b'half')
        raise OSError('No space left on device')
