import numpy as np
import pytest
from naive_coco import SIDE, pixels, random_set
from pycocotools import mask

from eca_mm.evaluation.detections import Detections
from eca_mm.evaluation.pr_curves import per_class


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(image_id=77), 'image_id 77, which the annotations lack'),
        (dict(category_id=3), 'category_id 3, which the annotations lack'),
        (dict(score=float('nan')), 'score nan'),
        (dict(score=float('inf')), 'score inf'),
    ],
)
def test_results_of_another_set(change, message):
    coco, results = random_set(0)
    with pytest.raises(ValueError, match=f'result 4 has {message}'):
        Detections(coco, results[:4] + [results[4] | change])


def test_incomplete_input():
    coco, results = random_set(0)
    with pytest.raises(ValueError, match='result 0 has no segmentation'):
        Detections(
            coco, [{k: results[0][k] for k in results[0] if k[:3] != 'seg'}], 'segm'
        )
    with pytest.raises(ValueError, match='no list of categories'):
        Detections({k: coco[k] for k in ('images', 'annotations')}, results)
    crowds = [dict(row, iscrowd=1) for row in coco['annotations']]
    for rows in ([], crowds):
        with pytest.raises(ValueError, match='no objects'):
            Detections(coco | dict(annotations=rows), results)
    bare = {k: v for k, v in coco['annotations'][3].items() if k != 'area'}
    with pytest.raises(ValueError, match=rf'1 of 1 lack area \(id {bare["id"]}\)'):
        Detections(coco | dict(annotations=[bare]), results)
    with pytest.raises(ValueError, match="not 'keypoints'"):
        Detections(coco, results, 'keypoints')


def test_a_shared_data_set_and_untouched_results():
    coco, results = random_set(0)
    before = [dict(row) for row in results]
    first = Detections(coco, results, 'segm')
    second = Detections(first, results, 'segm')
    assert second.ground_truth is first.ground_truth
    assert results == before
    np.testing.assert_array_equal(per_class(first).ap, per_class(second).ap)


def test_masks_in_every_form():
    coco, results = random_set(1)
    polygons = [row['segmentation'] for row in results]
    packed = [mask.merge(mask.frPyObjects(p, SIDE, SIDE)) for p in polygons]
    forms = [
        packed,
        [dict(rle, counts=rle['counts'].decode()) for rle in packed],
        [dict(size=[SIDE, SIDE], counts=runs(pixels(row))) for row in results],
    ]
    expected = per_class(Detections(coco, results, 'segm')).ap
    for form in forms:
        rows = [dict(r, segmentation=s) for r, s in zip(results, form, strict=True)]
        found = Detections(coco, rows, 'segm')
        np.testing.assert_array_equal(per_class(found).ap, expected)


def runs(pixels: np.ndarray) -> list[int]:
    """Lengths of the runs of zeros and ones, down the columns."""
    flat = pixels.ravel('F').astype(int)
    edges = np.flatnonzero(np.diff(flat, prepend=0)) if flat.any() else []
    return np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
