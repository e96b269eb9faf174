"""What a run leaves in its work dir for the report, and what is read from its logs."""

import json
import logging
from copy import deepcopy
from types import SimpleNamespace

import pytest
from mmdet.evaluation import CocoMetric
from mmengine.config import Config
from torch import nn

from eca_mm.files import replaced
from eca_mm.report import ReportHook, record
from eca_mm.report.logs import read_logs, training_cost
from eca_mm.report.model_complexity import complexity_of, image_size
from eca_mm.report.read_record import is_complexity, read_record
from eca_mm.report.record import coco_table, write_record
from eca_mm.report.runs import ReportError

METRICS = {
    'coco/bbox_mAP': 0.4126,
    'coco/bbox_mAP_50': 0.75,
    'coco/bbox_mAP_75': 0.4,
    'coco/bbox_mAP_s': 0.3,
    'coco/bbox_mAP_m': 0.5,
    'coco/bbox_mAP_l': -1.0,
    'coco/segm_mAP': 0.2,
}


def write_log(folder, rows, end: str = '') -> None:
    path = folder / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, rows)) + end)


def test_table_of_coco_figures():
    table = coco_table(METRICS)
    assert table['bbox'] == dict(
        AP=0.4126, AP50=0.75, AP75=0.4, APs=0.3, APm=0.5, APl=None
    )
    assert table['segm'] == dict(AP=0.2)


def test_record_holds_every_figure(tmp_path):
    write_record(tmp_path, dict(seed=0), METRICS)
    results = json.loads((tmp_path / 'results.json').read_text())
    assert results == dict(seed=0, coco=coco_table(METRICS), metrics=METRICS)


def test_record_says_on_how_many_gpus(tmp_path, monkeypatch):
    """What the report needs to know the images of a step, and reads again."""
    monkeypatch.setattr(record, 'get_world_size', lambda: 4)
    parts = dict(
        test_evaluator=dict(type='CocoMetric'),
        test_dataloader=dict(dataset=dict(data_prefix=dict(img='x'))),
    )
    Config(parts).dump(tmp_path / 'c.py')
    runner = SimpleNamespace(
        cfg=Config.fromfile(tmp_path / 'c.py'), work_dir=tmp_path, _train_loop={},
        _load_from='x.pth', iter=7, seed=0, model=nn.Linear(2, 1),
        visualizer=SimpleNamespace(dataset_meta=dict(classes=['a'])),
    )  # fmt: skip
    facts = record.run_facts(runner)
    write_record(tmp_path, facts, METRICS)
    found, odd = read_record(tmp_path / 'results.json')
    assert found['world_size'] == 4 and odd == []
    assert found['checkpoint'] == 'x.pth' and 'iteration' not in found


def test_logs_of_a_resumed_run_are_joined(tmp_path):
    write_log(
        tmp_path / '20260101_000000',
        [dict(iter=1, loss=4.0), dict(iter=2, loss=3.0),
         {'coco/bbox_mAP': 0.1, 'step': 1}, dict(iter=3, loss=9.0)],
    )  # fmt: skip
    write_log(
        tmp_path / '20260101_000001',
        [dict(iter=3, loss=2.0), {'coco/bbox_mAP': 0.2, 'step': 2}],
        end='\n{"iter": 4, "lo',  # killed while it wrote
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


def test_training_cost_by_hand():
    rows = [
        dict(iter=10, loss=1, time=3.0, memory=1024),
        dict(iter=20, loss=1, time=1.0, memory=3072),
        dict(iter=50, loss=1, time=2.0, memory=2048),
    ]
    # 10 x 3 + 10 x 1 + 30 x 2 seconds
    assert training_cost(rows) == dict(iteration=2, hours=100 / 3600, memory=3)
    assert training_cost([]) == {}


def test_complexity_of_a_run(repo):
    """As in the digits' README: 3.979 million parameters, images of 128x128."""
    cfg = Config.fromfile(repo / 'projects/digits/configs/mask_rcnn_r18.py')
    before = deepcopy(cfg.to_dict())
    found = complexity_of(cfg)
    assert round(found['parameters'], 3) == round(found['trainable'], 3) == 3.979
    assert found['size'] == [128, 128] and found['gflops'] > 1
    assert cfg.to_dict() == before
    assert is_complexity(found)  # as the report reads it
    assert complexity_of(Config()) == {}


def test_the_papers_size_stands_for_mmdets(repo):
    cfg = Config.fromfile(repo / 'configs/eca_retinanet_r50.py')
    assert image_size(cfg) == (1280, 800)
    cfg = Config.fromfile(repo / 'projects/digits/configs/eca_faster_rcnn_r18_v1.py')
    assert image_size(cfg) == (128, 128)  # of V1Resize


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
    runner = SimpleNamespace(logger=logging.getLogger('run'))
    monkeypatch.setattr(hook, 'write_record', lambda runner: 1 / 0)
    monkeypatch.setattr(hook, 'write_report', lambda runner: 1 / 0)
    hook.after_val_epoch(runner, METRICS)
    hook.after_run(runner)
    assert caplog.text.count('the run goes on') == 2
    assert hook.metrics == METRICS


def test_a_detector_that_finds_nothing_has_a_report(tmp_path, monkeypatch, capsys):
    """The metric has no figures then, as mmdet's: AP is 0 all the same."""
    hook = ReportHook()
    runner = SimpleNamespace(logger=logging.getLogger('run'), work_dir=tmp_path)
    reports = []
    monkeypatch.setattr(hook, 'write_record', lambda runner: None)
    monkeypatch.setattr(hook, 'write_report', reports.append)
    metric = CocoMetric()
    hook.keep_predictions(runner, [metric, object()])
    hook.after_val_epoch(runner, {})
    hook.after_run(runner)
    assert reports == [] and 'the metric is not COCO' in capsys.readouterr().out
    (tmp_path / 'predictions.bbox.json').write_text('[]')
    hook.after_run(runner)
    assert reports == [runner] and 'each AP is 0' in capsys.readouterr().out
    metric.format_only = True
    hook.after_run(runner)
    assert reports == [runner]


def test_what_cannot_be_reported_is_said_in_a_line(monkeypatch, caplog):
    def refuse(runner):
        raise ReportError('nothing was detected')

    hook = ReportHook()
    monkeypatch.setattr(hook, 'write_record', refuse)
    hook.after_val_epoch(SimpleNamespace(logger=logging.getLogger('run')), METRICS)
    assert [record.getMessage() for record in caplog.records] == [
        'no report: nothing was detected'
    ]
    assert 'Traceback' not in caplog.text
