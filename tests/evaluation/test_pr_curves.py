"""Against pycocotools, the reference."""

import contextlib
import copy
import io

import numpy as np
import pytest
from naive_coco import random_set
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from eca_mm.evaluation.detections import Detections
from eca_mm.evaluation.pr_curves import SIZES, per_class, precision_recall


def reference(coco, results, iou_type) -> COCOeval:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(coco)  # it writes into masks
        truth.createIndex()
        if iou_type == 'segm':
            # pycocotools takes no polygons here, and else the size of the box.
            results = [dict(row, segmentation=truth.annToRLE(row)) for row in results]
            results = [{k: row[k] for k in row if k != 'bbox'} for row in results]
        evaluation = COCOeval(truth, truth.loadRes(results), iou_type)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def sized_set(seed):
    """Boxes of every size, in images of 640 pixels; many wrong ones in two of them."""
    coco, results = random_set(seed)
    for image, count in ((1, 12), (2, 95)):  # beyond 10, and up to 100 detections
        far = dict(image_id=image, bbox=[60, 60, 4, 4], score=0.999)
        far['segmentation'] = [[60, 60, 64, 60, 64, 64, 60, 64]]
        results += [dict(far, category_id=k) for k in (2, 7) for _ in range(count)]
    for row in (*coco['images'], *coco['annotations'], *results):
        for key in {'width', 'height'} & row.keys():
            row[key] *= 10
        if 'bbox' in row:
            row['bbox'] = [10 * v for v in row['bbox']]
            row['segmentation'] = [[10 * v for v in row['segmentation'][0]]]
        if 'area' in row:
            # Also on the edges of the sizes, which are in both.
            small, large = 32**2, 96**2
            row['area'] = [small, large, row['area'] * 25][row['id'] % 3]
    return coco, results


@pytest.mark.parametrize('iou_type', ['bbox', 'segm'])
@pytest.mark.parametrize('seed', range(5))
def test_curves_and_classes_of_pycocotools(seed, iou_type):
    coco, results = sized_set(seed)
    if iou_type == 'segm':  # the mask counts, whatever the box
        results = [dict(row, bbox=[0, 0, 640, 640]) for row in results]
    expected = reference(coco, results, iou_type)
    detections = Detections(coco, results, iou_type)
    curves, classes = precision_recall(detections), per_class(detections)

    precision = expected.eval['precision'][:, :, :, 0, 2]
    precision = np.where(precision < 0, np.nan, precision)
    np.testing.assert_allclose(curves.class_precision, precision, atol=1e-12)
    scores = expected.eval['scores'][:, :, :, 0, 2]
    np.testing.assert_array_equal(
        curves.class_score, np.where(scores < 0, np.nan, scores)
    )
    kept = ~np.isnan(precision[0, 0])
    mean = precision[:, :, kept].mean(2)
    np.testing.assert_allclose(curves.precision, mean, atol=1e-12)
    np.testing.assert_allclose(curves.recall, expected.params.recThrs)
    np.testing.assert_allclose(curves.iou_thresholds, expected.params.iouThrs)

    stats = np.where(expected.stats < 0, np.nan, expected.stats)
    np.testing.assert_allclose(classes.mean('ap'), stats[[0, 3, 4, 5]], atol=1e-12)
    np.testing.assert_allclose(classes.mean('ap50')[0], stats[1], atol=1e-12)
    np.testing.assert_allclose(classes.mean('ap75')[0], stats[2], atol=1e-12)
    np.testing.assert_allclose(classes.mean('ar'), stats[8:], atol=1e-12)


def test_each_class_alone():
    coco, results = sized_set(3)
    classes = per_class(Detections(coco, results))
    assert classes.class_names == ['class 2', 'class 4', 'class 7', 'class 9']
    for k, category in enumerate((2, 4, 7)):
        mine = [row for row in coco['annotations'] if row['category_id'] == category]
        found = [row for row in results if row['category_id'] == category]
        if not found:  # class 4: none of its objects is found
            np.testing.assert_array_equal(classes.ap[k][classes.objects[k] > 0], 0)
            continue
        stats = reference(dict(coco, annotations=mine), found, 'bbox').stats
        stats = np.where(stats < 0, np.nan, stats)
        np.testing.assert_allclose(classes.ap[k], stats[[0, 3, 4, 5]], atol=1e-12)
        np.testing.assert_allclose(classes.ap50[k, 0], stats[1], atol=1e-12)
        np.testing.assert_allclose(classes.ap75[k, 0], stats[2], atol=1e-12)
        np.testing.assert_allclose(classes.ar[k], stats[8:], atol=1e-12)
    assert np.isnan(classes.ap[3]).all() and not classes.objects[3].any()


def test_numbers_of_objects():
    coco, results = sized_set(0)
    objects = per_class(Detections(coco, results)).objects
    assert objects.shape == (4, len(SIZES))
    rows = [row for row in coco['annotations'] if not row['iscrowd']]
    edges = [(0, 1e10), (0, 32**2), (32**2, 96**2), (96**2, 1e10)]
    for k, category in enumerate((2, 4, 7, 9)):
        areas = [row['area'] for row in rows if row['category_id'] == category]
        counts = [sum(low <= a <= high for a in areas) for low, high in edges]
        assert objects[k].tolist() == counts
