import numpy as np
import pytest
from naive_coco import match, random_set

from eca_mm.evaluation.detections import Detections
from eca_mm.evaluation.image_scores import image_scores


@pytest.mark.parametrize('iou_type', ['bbox', 'segm'])
@pytest.mark.parametrize('seed', range(6))
def test_counts_of_plain_loops(seed, iou_type):
    coco, results = random_set(seed)
    for threshold in (0.0, 0.5):
        scores = image_scores(Detections(coco, results, iou_type), 0.5, threshold)
        shown = [row for row in results if row['score'] >= threshold]
        outcome = match(coco, shown, iou_type)
        assert scores.image_ids.tolist() == list(range(1, 13))
        for i, image in enumerate(scores.image_ids):
            here = [
                o for o, r in zip(outcome, shown, strict=True) if r['image_id'] == image
            ]
            correct = sum(isinstance(o, dict) for o in here)
            wrong = here.count(None)
            objects = sum(
                row['image_id'] == image and not row['iscrowd']
                for row in coco['annotations']
            )
            counts = scores.correct[i], scores.wrong[i], scores.missed[i]
            assert counts == (correct, wrong, objects - correct)
            total = 2 * correct + wrong + objects - correct
            assert scores.f1[i] == (2 * correct / total if total else 1)


def test_worst_and_best():
    coco, results = random_set(1)
    scores = image_scores(Detections(coco, results))
    f1 = dict(zip(scores.image_ids, scores.f1, strict=True))
    assert [f1[i] for i in scores.worst(12)] == sorted(f1.values())
    assert [f1[i] for i in scores.best(12)] == sorted(f1.values(), reverse=True)
    # Image 8 has nothing: right, but no image to show.
    assert f1[8] == 1
    assert len(scores.worst(3)) == 3


def test_equal_images_by_what_there_is_to_see():
    def objects(image, count):
        return [
            dict(
                id=10 * image + i,
                image_id=image,
                category_id=1,
                bbox=[20 * i, 0, 10, 10],
                area=100,
                iscrowd=0,
            )
            for i in range(count)
        ]

    coco = dict(
        images=[dict(id=i, width=99, height=99) for i in (1, 2, 3, 4, 5)],
        categories=[dict(id=1, name='one')],
        annotations=objects(2, 1) + objects(3, 3) + objects(4, 1) + objects(5, 2),
    )
    results = [
        dict(image_id=row['image_id'], category_id=1, bbox=row['bbox'], score=0.9)
        for row in coco['annotations']
        if row['image_id'] in (2, 3)
    ]
    scores = image_scores(Detections(coco, results))
    np.testing.assert_array_equal(scores.f1, [1, 1, 1, 0, 0])
    assert scores.best(3).tolist() == [3, 2, 1]
    assert scores.worst(2).tolist() == [5, 4]


def test_an_unknown_threshold():
    with pytest.raises(ValueError, match='not 0.42'):
        image_scores(Detections(*random_set(0)), iou_threshold=0.42)
