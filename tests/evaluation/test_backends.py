"""The fast backends give pycocotools' arrays and figures, or leave the work to it."""

import copy
import json
import math
import sys
from functools import cache

import numpy as np
import pytest
from odd_sets import odd_set
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from eca_mm.evaluation import backends
from eca_mm.simulation.coco_sets import make_detections

# faster-coco-eval's precision is off in the last bit.
TOLERANCE = {'hotcoco': 0, 'faster-coco-eval': 3e-16}
SETTINGS = {
    'default': {},
    'mmdet': dict(maxDets=[100, 300, 1000]),
    'few': dict(maxDets=[5, 1, 3], iouThrs=np.array([0.5, 0.75])),
    'proposals': dict(useCats=0, maxDets=[100, 300, 1000]),
    'part': dict(imgIds=[101, 100, 77, 0], catIds=[90, 1, 3]),
}
each_backend = pytest.mark.parametrize('backend', TOLERANCE)
each_type = pytest.mark.parametrize('iou_type', ['bbox', 'segm'])


@cache
def data_set(seed: int, iou_type: str) -> tuple[dict, list[dict]]:
    """A dozen odd sets, and a realistic one."""
    masks = iou_type == 'segm'
    dataset, results = (
        odd_set(seed, masks) if seed < 12 else make_detections(12, 9, seed, masks)
    )
    if masks:
        for row in results:
            del row['bbox']
    return dataset, results


def evaluate(kinds, dataset, results, iou_type, settings) -> COCOeval:
    load, evaluator = kinds
    truth = load()
    truth.dataset = copy.deepcopy(dataset)
    truth.createIndex()
    found = truth.loadRes(copy.deepcopy(results))
    evaluation = evaluator(truth, found, iou_type)
    vars(evaluation.params).update(copy.deepcopy(settings))
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def fast(backend: str) -> tuple:
    return lambda: backends.GroundTruth(backend=backend), backends.evaluation


@cache
def reference(seed: int, iou_type: str, name: str) -> COCOeval:
    data = data_set(seed, iou_type)
    return evaluate((COCO, COCOeval), *data, iou_type, SETTINGS[name])


def assert_same(found: COCOeval, expected: COCOeval, atol: float) -> None:
    for name in ('precision', 'recall', 'scores'):
        a, b = found.eval[name], expected.eval[name]
        np.testing.assert_allclose(a, b, rtol=0, atol=atol, err_msg=name)
    np.testing.assert_allclose(found.stats, expected.stats, rtol=0, atol=atol)


@each_backend
@each_type
@pytest.mark.parametrize('name', SETTINGS)
@pytest.mark.parametrize('seed', range(13))
def test_arrays_and_figures(backend, iou_type, name, seed):
    dataset, results = data_set(seed, iou_type)
    if not results:
        pytest.skip('pycocotools refuses empty results')
    found = evaluate(fast(backend), dataset, results, iou_type, SETTINGS[name])
    assert isinstance(found, backends.FastEvaluation)
    assert_same(found, reference(seed, iou_type, name), TOLERANCE[backend])


def test_odd_sets_are_odd():
    """What the comparison above is for does happen in it."""
    sets = [data_set(seed, kind) for seed in range(12) for kind in ('bbox', 'segm')]
    objects = [row for dataset, _ in sets for row in dataset['annotations']]
    assert sum(row['iscrowd'] for row in objects) > 50
    masks = [row['segmentation'] for row in objects if 'segmentation' in row]
    kinds = {type(m['counts']) if isinstance(m, dict) else type(m) for m in masks}
    assert kinds == {list, str} and any(isinstance(m, list) for m in masks)
    equal = [len(rows) - len({row['score'] for row in rows}) for _, rows in sets]
    assert sum(equal) > 1000
    pairs = [
        (i, row['image_id'], row['category_id'])
        for i, (_, rows) in enumerate(sets)
        for row in rows
    ]
    assert max(map(pairs.count, set(pairs))) > 100


def spoilt(what: str) -> tuple[dict, list[dict]]:
    dataset, results = copy.deepcopy(data_set(0, 'bbox'))
    objects = dataset['annotations']
    if what == 'annotation id 0':
        objects[0]['id'] = 0
    elif what == 'equal annotation ids':
        objects[0]['id'] = objects[1]['id']
    elif what == 'NaN box':
        for row in results[::3]:
            row['bbox'] = [math.nan] * 4
    elif what == 'NaN score':
        results[0]['score'] = math.nan
    elif what == 'ids that are text':
        for row in [*objects, *results]:
            row['image_id'] = str(row['image_id'])
        for row in dataset['images']:
            row['id'] = str(row['id'])
    elif what == 'no results':
        results.clear()
    elif what == 'unknown image':
        results[0]['image_id'] = 31
    elif what == 'no area':
        del objects[0]['area']
    elif what == 'no mask':
        del results[0]['bbox']
    return dataset, results


@each_backend
@pytest.mark.parametrize(
    'what',
    ['annotation id 0', 'equal annotation ids', 'NaN box', 'NaN score']
    + ['ids that are text'],
)
def test_pycocotools_has_figures_of_its_own(backend, what):
    args = *spoilt(what), 'bbox', {}
    expected = evaluate((COCO, COCOeval), *args)
    found = evaluate(fast(backend), *args)
    np.testing.assert_array_equal(found.stats, expected.stats)


@each_backend
@pytest.mark.parametrize(
    ('what', 'error'),
    [
        ('no results', IndexError),  # mmdet's CocoMetric waits for it
        ('unknown image', AssertionError),
        ('no area', KeyError),
        ('no mask', KeyError),
    ],
)
def test_what_pycocotools_refuses_is_refused(backend, what, error):
    dataset, results = spoilt(what)
    for kinds in ((COCO, COCOeval), fast(backend)):
        with pytest.raises(error):
            evaluate(kinds, dataset, results, 'bbox', {})


@pytest.mark.parametrize('backend', backends.BACKENDS)
@each_type
def test_files(tmp_path, backend, iou_type):
    """A mask's size is its own, although mmdet's files hold the box too."""
    dataset, results = make_detections(12, 9, 12, masks=True)
    files = tmp_path / 'truth.json', tmp_path / 'results.json'
    for path, content in zip(files, (dataset, results), strict=True):
        path.write_text(json.dumps(content))
    found = backends.evaluate_files(*files, iou_type, backend)
    expected = reference(12, iou_type, 'default')
    np.testing.assert_allclose(found.stats, expected.stats, rtol=0, atol=3e-16)


def test_read_json_with_nan_and_without_orjson(tmp_path, monkeypatch):
    path = tmp_path / 'a.json'
    path.write_text('[NaN, 1.5]')
    assert str(backends.read_json(path)) == '[nan, 1.5]'
    monkeypatch.setitem(sys.modules, 'orjson', None)
    path.write_text('[0.1, 12345678901234567890123]')
    assert backends.read_json(path) == [0.1, 12345678901234567890123]


def test_wrong_backends(monkeypatch):
    with pytest.raises(ValueError, match="'hotcocoa'"):
        backends.load_package('hotcocoa')
    monkeypatch.setitem(sys.modules, 'faster_coco_eval', None)
    with pytest.raises(ImportError, match='pip install faster-coco-eval'):
        backends.load_package('faster-coco-eval')


def test_fields_that_nothing_reads_do_not_matter():
    """hotcoco refuses the whole set for one: CVAT writes date_captured=0."""
    dataset, results = data_set(12, 'bbox')
    plain = evaluate(fast('hotcoco'), dataset, results, 'bbox', {})
    odd = copy.deepcopy(dataset)
    odd['images'][0] |= dict(date_captured=0, license='none', coco_url=None)
    odd['categories'][0]['supercategory'] = 5
    same = evaluate(fast('hotcoco'), odd, results, 'bbox', {})
    np.testing.assert_array_equal(plain.stats, same.stats)
    assert type(same) is type(plain) is backends.FastEvaluation


def test_an_annotation_of_a_negative_category_goes_to_pycocotools():
    dataset, results = data_set(12, 'bbox')
    odd = copy.deepcopy(dataset)
    odd['annotations'][0]['category_id'] = -1
    found = evaluate(fast('hotcoco'), odd, results, 'bbox', {})
    assert type(found) is COCOeval
