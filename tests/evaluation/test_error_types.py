"""Against the definition in plain loops, and against sets with one known error."""

from collections import Counter

import numpy as np
import pytest
from naive_coco import average_precision, match, overlap, random_set, ranked

from eca_mm.evaluation.detections import Detections
from eca_mm.evaluation.error_types import ERRORS, error_breakdown

T, B = 0.5, 0.1


def plain_kind(result, objects, iou_type):
    """The kind of a wrong detection, and the object it aims at."""
    own = other = 0.0
    aim = other_aim = None
    for row in objects:
        if row['image_id'] != result['image_id']:
            continue
        value = overlap(result, row, iou_type)
        if row['category_id'] == result['category_id']:
            if value > own:
                own, aim = value, row
        elif value > other:
            other, other_aim = value, row
    if B <= own <= T:
        return 'localisation', aim
    if other >= T:
        return 'classification', other_aim
    if own > T:
        return 'duplicate', None
    return ('background' if max(own, other) <= B else 'both'), None


class Plain:
    """TIDE as the paper and its authors' code have it, one detection at a time."""

    def __init__(self, coco, results, iou_type):
        self.results = results
        self.order = ranked(results)
        self.outcome = match(coco, results, iou_type)
        self.objects = [row for row in coco['annotations'] if not row['iscrowd']]
        self.found = {o['id'] for o in self.outcome if isinstance(o, dict)}
        self.kind = {
            i: plain_kind(results[i], self.objects, iou_type)
            for i in self.order
            if self.outcome[i] is None
        }
        aimed = {row['id'] for _, row in self.kind.values() if row}
        self.missed = [r for r in self.objects if r['id'] not in self.found | aimed]
        self.first = {}  # the best detection that aims at each object
        for i, (_, row) in self.kind.items():
            if row and row['id'] not in self.found:
                self.first.setdefault(row['id'], i)

    def counts(self):
        return Counter(
            [k for k, _ in self.kind.values()] + ['missed'] * len(self.missed)
        )

    def ap(self, mend=None):
        ranks = {row['category_id']: [] for row in self.objects}
        objects = Counter(row['category_id'] for row in self.objects)
        for i in self.order:
            label, score = (self.results[i][key] for key in ('category_id', 'score'))
            right = self.outcome[i] is not None
            if self.outcome[i] == 'crowd':
                continue
            kind, row = self.kind.get(i, (None, None))
            if not right and mend in (kind, 'false_positive'):
                right = bool(row and self.first.get(row['id']) == i)
                if mend == 'false_positive' or not right:
                    continue
                label = row['category_id']
            # Of equal scores a detection that was moved to the class is the last.
            moved = label != self.results[i]['category_id']
            ranks.setdefault(label, []).append((-score, moved, right))
        gone = self.missed if mend == 'missed' else []
        if mend == 'false_negative':
            gone = [row for row in self.objects if row['id'] not in self.found]
        left = objects - Counter(row['category_id'] for row in gone)
        flags = {
            k: [right for *_, right in sorted(rows, key=lambda row: row[:2])]
            for k, rows in ranks.items()
        }
        return np.mean([average_precision(flags[k], left[k]) for k in objects])


@pytest.mark.parametrize('iou_type', ['bbox', 'segm'])
@pytest.mark.parametrize('seed', range(8))
def test_random_sets_against_plain_loops(seed, iou_type):
    coco, results = random_set(seed)
    plain = Plain(coco, results, iou_type)
    errors = error_breakdown(Detections(coco, results, iou_type), T, B)
    assert errors.counts == {name: plain.counts()[name] for name in ERRORS}
    assert errors.ap == pytest.approx(plain.ap(), abs=1e-12)
    for name, gain in errors.gains.items():
        expected = max(plain.ap(name) - plain.ap(), 0)
        assert gain == pytest.approx(expected, abs=1e-12), name


def test_random_sets_hold_every_kind():
    counts = [
        error_breakdown(Detections(*random_set(seed))).counts for seed in range(8)
    ]
    assert all(sum(c[name] for c in counts) >= 8 for name in ERRORS)


FIRST, SECOND = [0, 0, 20, 20], [0, 60, 20, 20]
# x + 12: 8 of 20 columns common, IoU 160 / 640 = .25.
SHIFTED, NOWHERE = [12, 0, 20, 20], [60, 60, 20, 20]


def small_set(objects, found) -> Detections:
    """One image: (class, box) of the objects, (class, box, score) of the detections."""
    coco = dict(
        images=[dict(id=1, width=99, height=99)],
        categories=[dict(id=1, name='cat'), dict(id=2, name='dog')],
        annotations=[
            dict(id=i + 1, image_id=1, category_id=c, bbox=b, area=400, iscrowd=0)
            for i, (c, b) in enumerate(objects)
        ],
    )
    results = [dict(image_id=1, category_id=c, bbox=b, score=s) for c, b, s in found]
    return Detections(coco, results)


TWO_CATS = [(1, FIRST), (1, SECOND)]
# Half the objects found: precision 1 at the recalls 0 to .5, which are 51 of 101.
HALF = 51 / 101
# Right, wrong, right: 1 up to recall .5, 2/3 beyond.
MIXED = (51 + 50 * 2 / 3) / 101


@pytest.mark.parametrize(
    ('name', 'objects', 'found', 'ap'),
    [
        ('localisation', TWO_CATS, [(1, SECOND, 0.9), (1, SHIFTED, 0.8)], HALF),
        ('classification', TWO_CATS, [(1, SECOND, 0.9), (2, FIRST, 0.8)], HALF),
        ('missed', TWO_CATS, [(1, SECOND, 0.9)], HALF),
        (
            'duplicate',
            TWO_CATS,
            [(1, SECOND, 0.9), (1, [1, 60, 20, 20], 0.8), (1, FIRST, 0.7)],
            MIXED,
        ),
        (
            'background',
            TWO_CATS,
            [(1, SECOND, 0.9), (1, NOWHERE, 0.8), (1, FIRST, 0.7)],
            MIXED,
        ),
        # The cat is found; of the dogs a wrong one comes first: AP 1 and 1/2.
        (
            'both',
            [(1, FIRST), (2, SECOND)],
            [(1, FIRST, 0.9), (2, SHIFTED, 0.8), (2, SECOND, 0.7)],
            0.75,
        ),
    ],
)
def test_one_error_and_its_price(name, objects, found, ap):
    errors = error_breakdown(small_set(objects, found))
    assert errors.counts == {other: int(other == name) for other in ERRORS}
    assert errors.ap == pytest.approx(ap)
    unfound = ap == HALF
    prices = {name: 1 - ap, 'false_negative' if unfound else 'false_positive': 1 - ap}
    for other, gain in errors.gains.items():
        assert gain == pytest.approx(prices.get(other, 0)), other


def test_one_object_is_mended_once():
    # Were both made right, two of one object would be found.
    found = [(1, SHIFTED, 0.9), (1, SHIFTED, 0.8)]
    errors = error_breakdown(small_set([(1, FIRST)], found))
    assert errors.counts['localisation'] == 2
    assert (errors.ap, errors.gains['localisation']) == (0, pytest.approx(1))


def test_a_mended_class_counts_in_the_right_one():
    # Dog: right, wrong, the wrong one lies on a cat. Cat: not found.
    objects, found = [(1, FIRST), (2, SECOND)], [(2, SECOND, 0.9), (2, FIRST, 0.8)]
    errors = error_breakdown(small_set(objects, found))
    assert errors.ap == pytest.approx(0.5)
    assert errors.gains['classification'] == pytest.approx(0.5)


def test_wrong_thresholds():
    found = small_set([(1, FIRST)], [(1, FIRST, 0.5)])
    with pytest.raises(ValueError, match='not 0.6'):
        error_breakdown(found, background_threshold=0.6)
    with pytest.raises(ValueError, match='not 0.3'):
        error_breakdown(found, iou_threshold=0.3)
