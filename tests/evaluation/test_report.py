import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib import image as mpimg
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from eca_mm.evaluation import ReportHook
from eca_mm.evaluation.report.curves import draw_curves, read_logs
from eca_mm.files import replaced
from eca_mm.evaluation.report.page import coco_table, page_lines, write_page
from eca_mm.evaluation.report.samples import draw_samples, mask_array

METRICS = {
    'coco/bbox_mAP': 0.4126,
    'coco/bbox_mAP_50': 0.75,
    'coco/bbox_mAP_75': 0.4,
    'coco/bbox_mAP_s': 0.3,
    'coco/bbox_mAP_m': 0.5,
    'coco/bbox_mAP_l': -1.0,
    'coco/segm_mAP': 0.2,
}
FACTS = dict(
    config='a.py', checkpoint=None, iteration=8, date='today', device='CPU',
    versions=dict(torch='2'), commit='abc', seed=0,
)  # fmt: skip


def write_log(folder, rows) -> None:
    path = folder / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, rows)))


def test_table_of_coco_figures():
    table = coco_table(METRICS)
    assert table['bbox'] == dict(
        AP=0.4126, AP50=0.75, AP75=0.4, APs=0.3, APm=0.5, APl=None
    )
    assert table['segm'] == dict(AP=0.2)


def test_page_shows_percent_and_what_is_absent():
    lines = page_lines(FACTS, coco_table(METRICS), has_curves=False)
    assert '| box | 41.3 | 75.0 | 40.0 | 30.0 | 50.0 | – |' in lines
    assert '| mask | 20.0 | – | – | – | – | – |' in lines
    assert not any('curves.png' in line for line in lines)


def test_page_without_detections_says_so():
    assert any('nothing was detected' in line for line in page_lines(FACTS, {}, True))


def test_results_hold_every_figure(tmp_path):
    write_page(tmp_path, FACTS, METRICS, has_curves=True)
    results = json.loads((tmp_path / 'results.json').read_text())
    assert results['metrics'] == METRICS
    assert results['coco'] == coco_table(METRICS)
    assert results['seed'] == 0


def test_logs_of_a_resumed_run_are_joined(tmp_path):
    write_log(
        tmp_path / '20260101_000000',
        [dict(iter=1, loss=4.0), dict(iter=2, loss=3.0),
         {'coco/bbox_mAP': 0.1, 'step': 1}, dict(iter=3, loss=9.0)],
    )  # fmt: skip
    write_log(
        tmp_path / '20260101_000001',
        [dict(iter=3, loss=2.0), {'coco/bbox_mAP': 0.2, 'step': 2}],
    )
    write_log(tmp_path / '20260101_000002', [{'coco/bbox_mAP': 0.9, 'step': 0}])
    train, evaluations = read_logs(tmp_path)
    assert [(row['iter'], row['loss']) for row in train] == [
        (1, 4.0),
        (2, 3.0),
        (3, 2.0),
    ]
    found = [(row['iter'], row['coco/bbox_mAP']) for row in evaluations]
    assert found == [(2, 0.1), (3, 0.2)]


def test_curves_need_a_training(tmp_path):
    assert draw_curves(tmp_path, tmp_path / 'curves.png') is False
    assert not (tmp_path / 'curves.png').exists()


def test_failed_write_leaves_the_good_file(tmp_path):
    path = tmp_path / 'report.md'
    path.write_text('good')
    with pytest.raises(RuntimeError), replaced(path) as temporary:
        temporary.write_text('half')
        raise RuntimeError
    assert path.read_text() == 'good'
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_that_fails_does_not_end_the_run(monkeypatch, caplog):
    hook = ReportHook()
    monkeypatch.setattr(hook, 'write', lambda runner: 1 / 0)
    hook.after_val_epoch(SimpleNamespace(logger=logging.getLogger('run')), METRICS)
    assert 'the run goes on' in caplog.text and 'ZeroDivisionError' in caplog.text
    assert hook.metrics == METRICS


def test_masks_of_both_forms():
    array = np.zeros((1, 4, 5), dtype=np.uint8)
    array[0, 1:3, 2:4] = 1
    for masks in (torch.from_numpy(array).bool(), BitmapMasks(array, 4, 5)):
        assert np.array_equal(mask_array(masks), array == 1)


def test_samples_draw_what_is_above_the_threshold(tmp_path):
    """A mask paints its half of the prediction; a low score paints nothing."""
    mpimg.imsave(tmp_path / 'black.png', np.zeros((20, 20, 3), dtype=np.uint8))

    def painted(score: float) -> int:
        masks = torch.zeros(1, 20, 20, dtype=torch.bool)
        masks[:, :, :10] = True
        sample = DetDataSample(metainfo=dict(img_path=str(tmp_path / 'black.png')))
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([[0.0, 0, 10, 20]]), labels=torch.tensor([0]),
            scores=torch.tensor([score]), masks=masks,
        )  # fmt: skip
        draw_samples([sample], ('digit',), 0.3, tmp_path / 'out.png')
        out = mpimg.imread(tmp_path / 'out.png')[..., :3]
        blue = (out[..., 2] > out[..., 0] + 0.1).sum()  # tab10's first colour, blended
        return int(blue)

    assert painted(0.2) == 0
    assert painted(0.9) > 10_000
