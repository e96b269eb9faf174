import numpy as np
import pytest
from naive_coco import match, random_set

from eca_mm.evaluation.calibration import calibration
from eca_mm.evaluation.detections import Detections


def plain_bins(pairs, bins):
    """(score, right) of the detections, by the bin of their score."""
    held = [[] for _ in range(bins)]
    for score, right in pairs:
        # The scores of the set are twentieths: rounding brings them on the edges.
        held[min(int(round(score * bins, 9)), bins - 1)].append((score, right))
    return held


def plain_error(pairs, bins):
    total = sum(
        abs(sum(s for s, _ in rows) - sum(r for _, r in rows))
        for rows in plain_bins(pairs, bins)
    )
    return total / len(pairs)


@pytest.mark.parametrize('iou_type', ['bbox', 'segm'])
@pytest.mark.parametrize('seed', range(6))
def test_random_sets_against_plain_loops(seed, iou_type):
    coco, results = random_set(seed)
    detections = Detections(coco, results, iou_type)
    for iou, bins in ((0.5, 10), (0.75, 4)):
        outcome = match(coco, results, iou_type, iou)
        rows = [
            (r['category_id'], r['score'], o is not None)
            for r, o in zip(results, outcome, strict=True)
            if o != 'crowd'
        ]
        pairs = [row[1:] for row in rows]
        found = calibration(detections, iou, bins)
        assert found.error == pytest.approx(plain_error(pairs, bins), abs=1e-12)
        for i, held in enumerate(plain_bins(pairs, bins)):
            assert found.count[i] == len(held)
            means = np.mean(held, axis=0) if held else [np.nan, np.nan]
            seen = [found.score[i], found.precision[i]]
            np.testing.assert_allclose(seen, means, atol=1e-12)
        for k, category in enumerate((2, 4, 7, 9)):
            mine = [row[1:] for row in rows if row[0] == category]
            expected = plain_error(mine, bins) if mine else np.nan
            np.testing.assert_allclose(found.class_error[k], expected, atol=1e-12)


def one_box(scores_and_right):
    """Images with one object each, which is found or not."""
    count = len(scores_and_right)
    coco = dict(
        images=[dict(id=i, width=99, height=99) for i in range(count)],
        categories=[dict(id=1, name='one')],
        annotations=[
            dict(
                id=i + 1,
                image_id=i,
                category_id=1,
                bbox=[0, 0, 9, 9],
                area=81,
                iscrowd=0,
            )
            for i in range(count)
        ],
    )
    return Detections(
        coco,
        [
            dict(
                image_id=i,
                category_id=1,
                bbox=[0 if right else 50, 0, 9, 9],
                score=score,
            )
            for i, (score, right) in enumerate(scores_and_right)
        ],
    )


def test_known_bins():
    # Four of score .9, of which two are right; two of .25, of which none is.
    found = calibration(
        one_box([(0.9, True), (0.9, False)] * 2 + [(0.25, False)] * 2), bins=4
    )
    np.testing.assert_array_equal(found.edges, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(found.count, [0, 2, 0, 4])
    np.testing.assert_allclose(found.score, [np.nan, 0.25, np.nan, 0.9])
    np.testing.assert_allclose(found.precision, [np.nan, 0, np.nan, 0.5])
    assert found.error == pytest.approx((4 * 0.4 + 2 * 0.25) / 6)


def test_a_calibrated_detector_has_no_error():
    rows = [(0.75, i % 4 != 0) for i in range(40)] + [
        (0.5, i % 2 == 0) for i in range(20)
    ]
    assert calibration(one_box(rows)).error == pytest.approx(0, abs=1e-12)


def test_wrong_input():
    with pytest.raises(ValueError, match='not 0.5 to 1.5'):
        calibration(one_box([(1.5, True), (0.5, True)]))
    with pytest.raises(ValueError, match='not 0'):
        calibration(one_box([(0.5, True)]), bins=0)
    with pytest.raises(ValueError, match='not 0.1'):
        calibration(one_box([(0.5, True)]), iou_threshold=0.1)
