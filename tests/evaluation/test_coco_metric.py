"""FastCocoMetric gives what mmdet's CocoMetric gives, key for key."""

import copy
import json
import sys

import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoMetric
from mmdet.evaluation.metrics import coco_metric as host
from mmdet.registry import METRICS
from mmengine.config import Config
from mmengine.registry import DefaultScope
from odd_sets import odd_set
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from eca_mm.engine.preflight.config_parts import COCO_METRICS
from eca_mm.evaluation import FastCocoMetric
from eca_mm.evaluation.backends import BACKENDS
from eca_mm.evaluation.coco_metric import with_names
from eca_mm.mmdet_v1 import V1CocoMetric

SEED = 10
ARGUMENTS = {
    'boxes': {},
    'masks': dict(metric=['bbox', 'segm'], classwise=True),
    'proposals': dict(metric=['proposal', 'bbox']),
    'items': dict(
        metric_items=['mAP_50', 'AR@300', 'AR_m@1000'], iou_thrs=np.array([0.5, 0.8])
    ),
    'few': dict(proposal_nums=(1, 10, 100), classwise=True, sort_categories=True),
    'prefix': dict(metric='segm', prefix='ours'),
}


def xyxy(boxes) -> np.ndarray:
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return boxes + np.roll(boxes, 2, 1) * (0, 0, 1, 1)


def samples(dataset: dict, results: list[dict]) -> list[dict]:
    """What a detector hands to the metric, with the ground truth as mmdet loads it."""
    labels = {row['id']: i for i, row in enumerate(dataset['categories'])}
    made = []
    for image in dataset['images']:
        rows = [
            row
            for row in results
            if row['image_id'] == image['id'] and row['category_id'] in labels
        ]
        objects = [r for r in dataset['annotations'] if r['image_id'] == image['id']]
        size = image['height'], image['width']
        predicted = dict(
            bboxes=torch.tensor(xyxy([row['bbox'] for row in rows])),
            scores=torch.tensor([row['score'] for row in rows]),
            labels=torch.tensor([labels[row['category_id']] for row in rows]),
            masks=[row['segmentation'] for row in rows],
        )
        instances = [
            dict(
                bbox=xyxy(row['bbox'])[0].tolist(),
                bbox_label=labels[row['category_id']],
                ignore_flag=row['iscrowd'],
                mask=row['segmentation'],
            )
            for row in objects
        ]
        made.append(
            dict(
                img_id=image['id'],
                ori_shape=size,
                pred_instances=predicted,
                instances=instances,
            )
        )
    return made


def figures(metric: CocoMetric, dataset: dict, results: list[dict]) -> dict:
    names = tuple(row['name'] for row in dataset['categories'])
    metric.dataset_meta = dict(classes=names)
    made = samples(*copy.deepcopy((dataset, results)))
    metric.process({}, made)
    return metric.evaluate(len(made))


@pytest.fixture
def ann_file(tmp_path):
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(odd_set(SEED, masks=True)[0]))
    return str(path)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('arguments', ARGUMENTS.values(), ids=ARGUMENTS)
@pytest.mark.parametrize('from_file', [True, False], ids=['file', 'converted'])
def test_same_keys_and_values(backend, arguments, from_file, ann_file):
    dataset, results = odd_set(SEED, masks=True)
    arguments = dict(arguments, ann_file=ann_file if from_file else None)
    expected = figures(CocoMetric(**arguments), dataset, results)
    metric = METRICS.build(dict(type='FastCocoMetric', backend=backend, **arguments))
    found = figures(metric, dataset, results)
    assert list(found) == list(expected)
    # NaN, mmdet's figure of a class without objects, equals NaN here
    np.testing.assert_array_equal(list(found.values()), list(expected.values()))
    assert any(0 < value < 1 for value in found.values())


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('thresholds', [[0.5], 0.5, (0.75,), [0.6, 0.7]], ids=str)
def test_thresholds_as_people_write_them(backend, thresholds, ann_file):
    dataset, results = odd_set(SEED, masks=True)
    metric = METRICS.build(
        dict(
            type='FastCocoMetric', backend=backend, ann_file=ann_file,
            iou_thrs=thresholds,
        )
    )  # fmt: skip
    found = figures(metric, dataset, results)
    truth = COCO(ann_file)
    boxes = [{k: v for k, v in row.items() if k != 'segmentation'} for row in results]
    reference = COCOeval(truth, truth.loadRes(boxes), 'bbox')
    reference.params.maxDets = [100, 300, 1000]
    reference.params.iouThrs = np.atleast_1d(thresholds)
    reference.evaluate()
    reference.accumulate()
    precision = reference.eval['precision'][:, :, :, 0, 0]
    mean = precision[precision > -1].mean()
    assert found['coco/bbox_mAP'] == pytest.approx(mean, abs=6e-4)  # 3 digits
    at = {f'coco/bbox_mAP_{100 * t:.0f}' for t in np.atleast_1d(thresholds)}
    assert {name for name in found if name[-2:].isdigit()} == at & {
        'coco/bbox_mAP_50', 'coco/bbox_mAP_75',
    }  # fmt: skip
    assert min(found.values()) >= 0


def test_fast_proposals_are_the_hosts():
    """On as many objects and detections in each image: mmdet can do no others."""
    dataset, results = odd_set(SEED, masks=True)
    images = dataset['images'] = dataset['images'][:2]
    for rows, count in ((dataset['annotations'], 2), (results, 5)):
        rows[count * len(images) :] = []
        for i, row in enumerate(rows):
            row.update(image_id=images[i % 2]['id'], category_id=1, iscrowd=0)
            row['ignore'] = 0
            row['bbox'] = [float(i // 2), 0.0, 20.0, 30.0]
    arguments = dict(metric=['proposal_fast', 'bbox'], proposal_nums=(1, 3, 100))
    expected = figures(CocoMetric(**arguments), dataset, results)
    metric = METRICS.build(dict(type='FastCocoMetric', **arguments))
    found = figures(metric, dataset, results)
    assert found == expected
    assert 0 < found['coco/AR@1'] < found['coco/AR@100']


def test_a_second_epoch_is_evaluated_afresh(ann_file):
    dataset, results = odd_set(SEED, masks=True)
    metric = METRICS.build(dict(type='FastCocoMetric', ann_file=ann_file))
    first = figures(metric, dataset, results)
    worse = figures(metric, dataset, results[: len(results) // 2])
    assert worse != first == figures(metric, dataset, results)


def test_results_are_kept_where_the_config_says(ann_file, tmp_path):
    dataset, results = odd_set(SEED, masks=True)
    arguments = dict(ann_file=ann_file, metric=['bbox', 'segm'])
    for name, kind in (('ours', 'FastCocoMetric'), ('theirs', 'CocoMetric')):
        prefix = str(tmp_path / name)
        metric = METRICS.build(dict(type=kind, outfile_prefix=prefix, **arguments))
        figures(metric, dataset, results)
    for kind in ('bbox', 'segm'):
        ours, theirs = (tmp_path / f'{n}.{kind}.json' for n in ('ours', 'theirs'))
        assert ours.read_bytes() == theirs.read_bytes()


def test_a_detector_that_finds_nothing(ann_file):
    dataset, _ = odd_set(SEED, masks=True)
    for kind in ('FastCocoMetric', 'CocoMetric'):
        metric = METRICS.build(dict(type=kind, ann_file=ann_file))
        assert figures(metric, dataset, []) == {}


def test_the_host_keeps_its_own_names():
    before = dict(vars(host))
    METRICS.build(dict(type='FastCocoMetric'))
    assert vars(host) == before
    with pytest.raises(NameError, match='nonsense'):
        with_names(CocoMetric.compute_metrics, COCOeval=None, nonsense=None)


def test_wrong_arguments(monkeypatch):
    with pytest.raises(ValueError, match="'hotcocoa'"):
        METRICS.build(dict(type='FastCocoMetric', backend='hotcocoa'))
    with pytest.raises(ValueError, match='use_mp_eval'):
        METRICS.build(dict(type='FastCocoMetric', use_mp_eval=True))
    monkeypatch.setitem(sys.modules, 'hotcoco', None)
    with pytest.raises(ImportError, match='pip install hotcoco'):
        METRICS.build(dict(type='FastCocoMetric'))


@pytest.mark.parametrize(
    ('config', 'kind'),
    [
        ('configs/faster_rcnn_r50.py', V1CocoMetric),
        ('configs/gc_mask_rcnn_r50.py', V1CocoMetric),
        ('configs/modern/gc_mask_rcnn_r50.py', FastCocoMetric),
        ('projects/digits/configs/mask_rcnn_r18.py', FastCocoMetric),
    ],
)
def test_configs_use_it(repo, config, kind):
    cfg = Config.fromfile(repo / config)
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert evaluator.type in COCO_METRICS  # whose arguments are checked
        with DefaultScope.overwrite_default_scope('mmdet'):
            metric = METRICS.build(dict(evaluator, ann_file=None))
        assert type(metric) is kind and metric.backend == 'hotcoco'


@pytest.mark.parametrize(
    ('masks', 'change', 'said'),
    [
        (False, dict(bbox=[1, 2, 3]), 'have a bbox that is not 4 numbers (id '),
        (False, dict(area=None), 'have a area that is not a number'),
        (True, dict(segmentation=[]), 'have no segmentation'),
        (True, dict(segmentation=[[1, 1, 1e9, 5, 9, 9]]), 'reach far out of the image'),
        (
            True,
            dict(segmentation=dict(size=[10**6] * 2, counts=[10**12])),
            'neither polygons nor run lengths',
        ),
    ],
)
def test_ground_truth_is_judged_before_the_run(tmp_path, masks, change, said):
    """What would end an evaluation, after hours, in a traceback or without memory."""
    dataset, _ = odd_set(SEED, masks=True)
    dataset['annotations'][3].update(change)
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(dataset))
    settings = dict(type='FastCocoMetric', ann_file=str(path))
    with pytest.raises(ValueError, match='truth.json: annotations: 1 of ') as error:
        METRICS.build(dict(settings, metric=['bbox', 'segm'] if masks else 'bbox'))
    assert said in str(error.value) and '\n' not in str(error.value)
    if masks:  # which an evaluation of boxes does not read
        METRICS.build(settings)


def test_results_alone_need_no_annotations(tmp_path):
    dataset, _ = odd_set(SEED, masks=True)
    del dataset['annotations']
    path = tmp_path / 'test-dev.json'
    path.write_text(json.dumps(dataset))
    settings = dict(type='FastCocoMetric', ann_file=str(path))
    with pytest.raises(ValueError, match='no list of annotations'):
        METRICS.build(settings)
    METRICS.build(dict(settings, format_only=True, outfile_prefix=str(tmp_path / 'a')))
