import numpy as np
import pytest
from pycoco import CLASSES, IMAGES, copies, data_set, evaluate

from eca_mm.evaluation.bootstrap import (
    FIGURES,
    LEAST_IMAGES,
    PER_CLASS,
    bootstrap,
    distinguishable,
    figures,
    per_class,
)
from eca_mm.evaluation.counting import Counter
from eca_mm.evaluation.matching import match
from eca_mm.evaluation.support import support
from eca_mm.simulation.coco_sets import detect, make_detections, make_ground_truth

# Each image once; a draw of as many as there are; few images, often.
WEIGHTS = {
    'once': np.ones(IMAGES, int),
    'draw': np.bincount(np.arange(IMAGES) ** 2 % IMAGES, minlength=IMAGES),
    'few': np.where(np.arange(IMAGES) % 5 == 2, 1 + np.arange(IMAGES) % 4, 0),
}


@pytest.mark.parametrize('seed', [11, 12, 13])
@pytest.mark.parametrize('iou_type', ['bbox', 'segm'])
@pytest.mark.parametrize('weights', WEIGHTS.values(), ids=list(WEIGHTS))
def test_weights_equal_copies_of_the_images(weights, iou_type, seed):
    coco, results = data_set(seed, masks=iou_type == 'segm')
    matches = match(coco, results, iou_type)
    reference = evaluate(*copies(coco, results, weights), iou_type)

    expected = np.where(reference.stats == -1, np.nan, reference.stats)
    ours = figures(matches, weights)
    assert tuple(ours) == FIGURES
    np.testing.assert_allclose(list(ours.values()), expected, rtol=0, atol=1e-12)

    precision = reference.eval['precision'][:, :, :, 0, -1]  # (T, R, K)
    expected = np.where(precision[0, 0] == -1, np.nan, precision.mean((0, 1)))
    ours = per_class(matches, weights)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)
    assert np.isnan(ours[[0, 2]]).all()  # no objects; crowds only
    assert ours[1] == 0  # no detections
    assert (ours[3:] > 0).any()


def test_copies_elsewhere_change_nothing_where_no_scores_are_equal():
    coco, results = data_set(14)
    results = [dict(r, score=1 / (2 + i)) for i, r in enumerate(results)]
    weights = WEIGHTS['draw']
    coco_copies, result_copies = copies(coco, results, weights)
    # The first copies of all images, then the second ones, ...
    ids = [i + 1000 * c for i, w in enumerate(weights) for c in range(w)]
    for row in coco_copies['images']:
        row['id'] = ids[row['id'] - 1]
    for row in coco_copies['annotations'] + result_copies:
        row['image_id'] = ids[row['image_id'] - 1]
    expected = evaluate(coco_copies, result_copies).stats
    ours = figures(match(coco, results), weights)
    np.testing.assert_allclose(list(ours.values()), expected, rtol=0, atol=1e-12)


def test_no_weights_are_weights_of_one_and_none_left_is_nan():
    matches = match(*data_set(15))
    assert figures(matches) == pytest.approx(
        figures(matches, WEIGHTS['once']), abs=0, nan_ok=True
    )
    nothing = figures(matches, np.zeros(IMAGES, int))
    assert np.isnan(list(nothing.values())).all()


def pair(seed: int, images: int = 30, **better) -> dict:
    """Two models of the same make on a few images of their own; b may be better."""
    coco = make_ground_truth(images, 2, seed, objects_per_image=5)
    make = dict(background_per_image=6, recall=0.7, box_noise=0.12)
    return dict(
        a=match(coco, detect(coco, seed + 10_000, **make)),
        b=match(coco, detect(coco, seed + 20_000, **{**make, **better})),
    )


def test_models_without_a_difference_are_not_distinguishable():
    """A known answer: 200 pairs, true difference 0, at 95 % about 10 look different."""
    differ, p_values = [], []
    for seed in range(200):
        result = bootstrap(pair(seed), 100, seed, progress=False)
        difference = result.difference('b', 'a', 'AP')
        differ.append(distinguishable(difference))
        p_values.append(difference.p)
    # Binomial(200, 0.05): 3 to 19 with a probability of 99.4 %.
    assert 3 <= sum(differ) <= 19
    # p is uniform then: Binomial(200, 0.5) lies in 80 to 120 with 99.6 %.
    assert 80 <= sum(p < 0.5 for p in p_values) <= 120


def test_a_real_difference_is_found():
    result = bootstrap(pair(1, images=200, box_noise=0.08), 300, progress=False)
    for figure in ('AP', 'AP75'):
        difference = result.difference('b', 'a', figure)
        assert distinguishable(difference)
        assert difference.value > 0.05
        assert difference.low < difference.value < difference.high
        assert difference.p < 1e-4
    back = result.difference('a', 'b', 'AP')
    assert back.value == -result.difference('b', 'a', 'AP').value
    assert back.high == pytest.approx(-result.difference('b', 'a', 'AP').low)
    classes = result.difference('b', 'a', PER_CLASS)
    assert distinguishable(classes).all()
    assert classes.value.shape == classes.p.shape == (2,)


def test_an_interval_holds_the_true_figure():
    """The draws' plain quantiles do not: AP is too high on few images."""
    truth = np.mean([figures(match(*few(900 + i, 800)))['AP'] for i in range(2)])
    ours, plain = [], []
    for seed in range(60):
        result = bootstrap(dict(a=match(*few(seed))), 100, seed, progress=False)
        low, high = result.interval('a', 'AP')
        ours.append(low <= truth <= high)
        low, high = np.quantile(result.samples['a'][:, 0, 0], [0.025, 0.975])
        plain.append(low <= truth <= high)
    # Binomial(60, 0.95): at least 52 with a probability of 99.4 %.
    assert sum(ours) >= 52
    assert sum(plain) < 52


def few(seed: int, images: int = 30) -> tuple[dict, list[dict]]:
    return make_detections(images, 2, seed, background_per_image=6)


def test_dropping_repeated_images_narrows_the_interval_by_a_quarter():
    matches = match(*make_detections(150, 3, 5, background_per_image=10))
    samples = bootstrap(dict(a=matches), 800, progress=False).samples['a'][:, 0, 0]
    counter, rng = Counter(matches), np.random.default_rng(0)
    sets = []
    for _ in range(800):
        drawn = np.bincount(rng.integers(150, size=150), minlength=150)
        sets.append(counter(np.minimum(drawn, 1))[0])
    # A draw holds 63 % of the images: sqrt((1 - 0.632) / 0.632) = 0.76
    assert 0.66 < np.std(sets) / np.std(samples) < 0.86


def test_all_runs_see_the_same_draws_and_a_seed_gives_the_same_again():
    matches = match(*data_set(16))
    runs = dict(a=matches, b=matches)
    first, longer = (bootstrap(runs, n, 3, progress=False) for n in (8, 12))
    np.testing.assert_array_equal(first.samples['a'], longer.samples['b'][:8])
    other = bootstrap(runs, 8, 4, progress=False)
    assert (first.samples['a'][:, 0, 0] != other.samples['a'][:, 0, 0]).all()

    difference = first.difference('a', 'b', 'AP')
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert difference.p == 1
    assert not distinguishable(difference)


def test_a_draw_counts_repeated_images_again():
    matches = match(*data_set(17))
    result = bootstrap(dict(a=matches), 5, 2, progress=False)
    for i, draw in enumerate(np.random.SeedSequence(2).spawn(5)):
        drawn = np.random.default_rng(draw).integers(IMAGES, size=IMAGES)
        expected = figures(matches, np.bincount(drawn, minlength=IMAGES))
        assert result.samples['a'][i, 0, :12].tolist() == list(expected.values())
    assert result.values['a'][0, :12].tolist() == list(figures(matches).values())


def test_classes_without_an_object_have_no_interval():
    result = bootstrap(dict(a=match(*data_set(18))), 20, progress=False)
    low, high = result.interval('a', PER_CLASS)
    assert low.shape == (CLASSES,)
    assert np.isnan(low[[0, 2]]).all()
    assert np.isnan(high[[0, 2]]).all()
    assert np.isnan(low[1])  # its AP is 0, without a detection
    assert ((low > 0) & (low < high) & (high < 1))[3:].all()


def test_no_bar_where_no_terminal_is(capsys):
    bootstrap(dict(a=match(*data_set(19))), 2)
    assert capsys.readouterr() == ('', '')


def test_wrong_input_is_named():
    matches = match(*data_set(20))
    with pytest.raises(ValueError, match='float64'):
        figures(matches, np.ones(IMAGES))
    with pytest.raises(ValueError, match=r'\(3,\)'):
        per_class(matches, np.ones(3, int))
    with pytest.raises(ValueError, match='got -1'):
        figures(matches, np.full(IMAGES, -1))
    with pytest.raises(ValueError, match='0 runs'):
        bootstrap({})
    with pytest.raises(ValueError, match='b and a are not of the same annotations'):
        bootstrap(dict(a=matches, b=match(*data_set(21))))
    result = bootstrap(dict(a=matches), 2, progress=False)
    with pytest.raises(ValueError, match="'ap'"):
        result.interval('a', 'ap')
    with pytest.raises(ValueError, match='95'):
        result.interval('a', 'AP', 95)


def in_images(*counts: int) -> dict:
    """30 images; class k, from 1, has an object in each of the first counts[k - 1]."""
    coco = dict(images=[dict(id=i) for i in range(1, 31)], annotations=[])
    coco['categories'] = [dict(id=k) for k in range(1, len(counts) + 1)]
    coco['annotations'] = [
        dict(bbox=[0, 0, 10, 10], area=100, iscrowd=0)
        | dict(image_id=i + 1, category_id=k, id=100 * k + i)
        for k, images in enumerate(counts, 1)
        for i in range(images)
    ]
    return coco


def test_a_class_in_too_few_images_has_no_interval_and_no_mark():
    coco = in_images(30, LEAST_IMAGES, LEAST_IMAGES - 1)
    # a finds the first three of each class, b the others: 0.1 to 0.9
    a, b = (
        [
            dict(row, score=0.9)
            for row in coco['annotations']
            if (row['id'] % 100 < 3) == first
        ]
        for first in (True, False)
    )
    sampled = bootstrap(dict(a=match(coco, a), b=match(coco, b)), 50)
    np.testing.assert_array_equal(sampled.images(PER_CLASS), [30, 10, 9])
    low, _ = sampled.interval('a', PER_CLASS)
    np.testing.assert_array_equal(np.isnan(low), [False, False, True])
    found = sampled.difference('b', 'a', PER_CLASS)
    assert (found.value > 0.3).all()
    assert distinguishable(found).tolist() == [True, False, False]
    assert np.isnan(found.p).tolist() == [False, False, True]


def test_a_mean_rests_on_its_rare_classes():
    """Two classes, one in 2 of 30 images: (1/30 + 1/2)^2 / (1/30^2/29 + 1/2^2/1)."""
    rests = support(match(in_images(30, 2), []))
    assert rests.freedom[0] == pytest.approx((1 / 30 + 1 / 2) ** 2 / (0.25 + 3.8314e-5))
    assert rests.images[[0, 3, 4, 12, 13]].tolist() == [30, 30, 0, 30, 2]
    # the draws show 29/30 of the one's variance and half of the other's
    known = (1 / 30 + 1 / 2) / (29 / 900 + 1 / 4)
    assert rests.excess[[0, 12, 13]] == pytest.approx([known, 30 / 29, 2])
    assert rests.enough[[0, 12, 13]].tolist() == [False, True, False]
    many = support(match(in_images(*[30] * 20, 5), []))
    assert many.enough[0] and not many.enough[-1]


def test_no_interval_at_the_ends():
    """All found, or nothing: the draws never differ, and say nothing of the truth."""
    coco = in_images(30)
    good = [dict(row, score=0.9) for row in coco['annotations']]
    sampled = bootstrap(dict(all=match(coco, good), none=match(coco, [])), 20)
    for name, value in (('all', 1), ('none', 0)):
        assert sampled.mean(name, 'AP') == value
        assert np.isnan(sampled.interval(name, 'AP')).all()
    assert sampled.difference('none', 'all', 'AP').p == 0
