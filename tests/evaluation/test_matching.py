import json

import numpy as np
import pytest
from pycoco import CLASSES, IMAGES, data_set, evaluate
from pycocotools.cocoeval import COCOeval

from eca_mm.evaluation.matching import match
from eca_mm.evaluation.objects import PROTOCOL


def worth(evaluator: COCOeval) -> dict:
    """What each detection is worth, by class, image and place: (A, T) pairs."""
    found: dict = {}
    for e in evaluator.evalImgs:
        if e is None:
            continue
        area = evaluator.params.areaRng.index(e['aRng'])
        for i, score in enumerate(e['dtScores']):
            key = int(e['category_id']), int(e['image_id']), i
            pair = e['dtMatches'][:, i] > 0, e['dtIgnore'][:, i] > 0
            found.setdefault(key, [score, {}])[1][area] = np.stack(pair)
    return found


@pytest.mark.parametrize('iou_type', ['bbox', 'segm'])
def test_every_detection_is_judged_as_cocoeval_does(iou_type):
    coco, results = data_set(3, masks=iou_type == 'segm')
    matches = match(coco, results, iou_type)
    reference = worth(evaluate(coco, results, iou_type))
    assert len(matches.score) == len(reference)
    label = np.repeat(np.arange(CLASSES), np.diff(matches.starts))
    for d in range(len(label)):
        key = (
            matches.category_ids[label[d]],
            matches.image_ids[matches.image[d]],
            matches.rank[d],
        )
        score, by_area = reference[key]
        assert score == matches.score[d]
        for area, pair in by_area.items():
            ours = matches.matched[area, :, d], matches.ignored[area, :, d]
            np.testing.assert_array_equal(np.stack(ours), pair)
    assert matches.matched.any((1, 2)).all()  # in every size range
    assert (matches.matched & matches.ignored).any()  # crowds took some


def test_objects_that_ought_to_be_found():
    coco, results = data_set(4)
    expected = np.zeros((CLASSES, 4, IMAGES), int)
    matches = match(coco, results)
    ids = matches.category_ids.tolist(), matches.image_ids.tolist()
    for row in coco['annotations']:
        for area, (low, high) in enumerate(PROTOCOL.areaRng):
            if not row['iscrowd'] and low <= row['area'] <= high:
                k, i = ids[0].index(row['category_id']), ids[1].index(row['image_id'])
                expected[k, area, i] += 1
    np.testing.assert_array_equal(matches.objects, expected)


def test_equal_scores_stand_in_the_order_of_the_images():
    coco, results = data_set(5)
    matches = match(coco, results[::-1])
    for k in range(CLASSES):
        part = slice(*matches.starts[k : k + 2])
        order = np.lexsort(
            (matches.rank[part], matches.image[part], -matches.score[part])
        )
        np.testing.assert_array_equal(order, np.arange(len(order)))


def test_only_the_best_hundred_of_a_class_and_image_count():
    box = dict(image_id=1, category_id=1, bbox=[0, 0, 10, 10])
    coco = dict(
        images=[dict(id=1)],
        categories=[dict(id=1)],
        annotations=[dict(box, id=1, area=100, iscrowd=0)],
    )
    far = [dict(box, bbox=[50, 50, 10, 10], score=0.9) for _ in range(100)]
    assert not match(coco, [*far, dict(box, score=0.1)]).matched.any()
    assert match(coco, [*far[1:], dict(box, score=0.1)]).matched[0].sum() == 10


def test_an_object_goes_before_the_crowd_around_it():
    image = dict(image_id=1, category_id=1)
    coco = dict(
        images=[dict(id=1)],
        categories=[dict(id=1)],
        annotations=[
            dict(image, id=1, bbox=[0, 0, 50, 50], area=2500, iscrowd=1),
            dict(image, id=2, bbox=[0, 0, 10, 10], area=100, iscrowd=0),
        ],
    )
    # Overlap .8 with the object, 1 with the crowd; twice, and the second is too many.
    found = [dict(image, bbox=[0, 0, 10, 8], score=s) for s in (0.9, 0.8)]
    matches = match(coco, found)
    assert matches.matched[0].all()
    low = np.arange(10) < 7  # thresholds to .8
    np.testing.assert_array_equal(matches.ignored[0, :, 0], ~low)
    assert matches.ignored[0, :, 1].all()


def test_files_do_as_well(tmp_path):
    coco, results = data_set(6)
    (tmp_path / 'coco.json').write_text(json.dumps(coco))
    (tmp_path / 'results.json').write_text(json.dumps(results))
    ours = match(str(tmp_path / 'coco.json'), tmp_path / 'results.json')
    np.testing.assert_array_equal(ours.matched, match(coco, results).matched)


def test_no_detection_at_all():
    coco, _ = data_set(7)
    matches = match(coco, [])
    assert matches.matched.shape == (4, 10, 0)
    assert matches.objects.sum() > 0


@pytest.mark.parametrize(
    ('change', 'iou_type', 'message'),
    [
        (dict(image_id=-1), 'bbox', 'image_id -1'),
        (dict(score=float('nan')), 'bbox', 'score nan'),
        ({}, 'keypoints', "got 'keypoints'"),
    ],
)
def test_wrong_input_is_named(change, iou_type, message):
    coco, results = data_set(8)
    results[5].update(change)
    with pytest.raises(ValueError, match=message):
        match(coco, results, iou_type)
