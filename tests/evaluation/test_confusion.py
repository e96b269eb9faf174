import numpy as np
import pytest
from naive_coco import match, overlap, random_set, ranked

from eca_mm.evaluation.confusion import confusion
from eca_mm.evaluation.detections import Detections

CATEGORIES = [2, 4, 7, 9]


def plain_matrix(coco, results, iou_type, iou, score):
    """Each detection in its turn takes the free object that it overlaps most."""
    matrix = np.zeros((5, 5), int)
    outcome = match(coco, results, iou_type, iou)
    free = {row['id']: row for row in coco['annotations'] if not row['iscrowd']}
    for i in ranked(results):
        if results[i]['score'] < score or outcome[i] == 'crowd':
            continue
        column = CATEGORIES.index(results[i]['category_id'])
        values = {
            key: overlap(results[i], row, iou_type)
            for key, row in free.items()
            if row['image_id'] == results[i]['image_id']
        }
        best = max(values.values(), default=0)
        if best < iou:
            matrix[-1, column] += 1
            continue
        # hotcoco takes the last of equals in the order of classes and annotations.
        order = {row['id']: place for place, row in enumerate(coco['annotations'])}
        key = max(
            (key for key, value in values.items() if value == best),
            key=lambda key: (free[key]['category_id'], order[key]),
        )
        matrix[CATEGORIES.index(free.pop(key)['category_id']), column] += 1
    for row in free.values():
        matrix[CATEGORIES.index(row['category_id']), -1] += 1
    return matrix


def unequal_scores(results):
    """Equal scores of two classes have no order that anyone has laid down."""
    rng = np.random.default_rng(0)
    return [dict(row, score=row['score'] - rng.random() / 1e3) for row in results]


@pytest.mark.parametrize('iou_type', ['bbox', 'segm'])
@pytest.mark.parametrize('seed', range(8))
def test_random_sets_against_plain_loops(seed, iou_type):
    coco, results = random_set(seed)
    results = unequal_scores(results)
    detections = Detections(coco, results, iou_type)
    for iou, score in ((0.5, 0.0), (0.5, 0.4), (0.75, 0.3)):
        found = confusion(detections, iou, score)
        expected = plain_matrix(coco, results, iou_type, iou, score)
        np.testing.assert_array_equal(found.matrix, expected)
    assert found.class_names == ['class 2', 'class 4', 'class 7', 'class 9']


def small_set(objects, found):
    coco = dict(
        images=[dict(id=1, width=99, height=99)],
        categories=[dict(id=1, name='cat'), dict(id=2, name='dog')],
        annotations=[
            dict(id=i + 1, image_id=1, category_id=c, bbox=b, area=400, iscrowd=crowd)
            for i, (c, b, crowd) in enumerate(objects)
        ],
    )
    results = [dict(image_id=1, category_id=c, bbox=b, score=s) for c, b, s in found]
    return Detections(coco, results)


HERE, THERE, ELSEWHERE = [0, 0, 20, 20], [0, 60, 20, 20], [60, 60, 20, 20]


def test_each_cell():
    detections = small_set(
        [(1, HERE, 0), (2, THERE, 0), (2, [60, 0, 20, 20], 0)],
        [(1, HERE, 0.9), (1, THERE, 0.8), (2, ELSEWHERE, 0.7), (1, ELSEWHERE, 0.2)],
    )
    # rows cat, dog, background; columns cat, dog, missed
    expected = [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    np.testing.assert_array_equal(confusion(detections).matrix, expected)
    assert confusion(detections, score_threshold=0).matrix[2, 0] == 1
    nothing = confusion(detections, score_threshold=0.95).matrix
    np.testing.assert_array_equal(nothing, [[0, 0, 1], [0, 0, 2], [0, 0, 0]])


def test_a_crowd_excuses_its_own_class_only():
    crowd = [(1, HERE, 0), (1, [40, 40, 50, 50], 1)]
    found = [(1, HERE, 0.9), (1, ELSEWHERE, 0.8), (1, ELSEWHERE, 0.7)]
    matrix = confusion(small_set(crowd, [*found, (2, ELSEWHERE, 0.6)])).matrix
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [0, 0, 0], [0, 1, 0]])


def test_what_one_class_is_taken_for():
    """Of nine dogs four are found as cats, one as a dog, and four not at all."""
    objects = [(2, [30 * i, 30 * j, 20, 20], 0) for i in range(3) for j in range(3)]
    found = [(1, b, 0.9) for _, b, _ in objects[:4]] + [(2, objects[5][1], 0.9)]
    result = confusion(small_set(objects, found))
    dog, cat = (result.class_names.index(name) for name in ('dog', 'cat'))
    assert result.matrix[dog, cat] == 4
    assert (result.matrix[dog, dog], result.matrix[dog, -1]) == (1, 4)
