"""Both kinds of luck: numbers by hand, and the same from a model with known parts."""

import numpy as np
import pytest
from scipy import stats

from eca_mm.evaluation.bootstrap import PER_CLASS, Bootstrap, bootstrap
from eca_mm.evaluation.difference import (
    difference,
    equivalence,
    seeds_needed,
    smallest_difference,
)
from eca_mm.evaluation.support import Support
from eca_mm.evaluation.variance import Side, Variance, variance
from eca_mm.simulation.seeded_runs import World, simulate

FREEDOM = np.array([99.0])


def model(rng, seeds: int, shared: float, own: float, training: float, arms=2):
    """Sides in which each kind of luck is a normal number of known spread."""
    draws = 20_000
    for _ in range(arms):
        of_images = shared * rng.standard_normal((draws, 1, 1))
        of_runs = own * rng.standard_normal((draws, seeds, 1))
        values = np.hypot(own, training) * rng.standard_normal((seeds, 1))
        yield Side(values, values + of_images + of_runs)


def test_no_luck_is_counted_twice():
    """Shared 3, own 2, training 1, four seeds: 2 * 9 of images, s^2 / 4 of seeds."""
    sides = [*model(np.random.default_rng(0), 4, 3, 2, 1)]
    found = variance(sides, FREEDOM)
    assert found.images == pytest.approx([18], rel=0.05)  # with own: 18 + 2
    spread = sum(side.values.var(ddof=1) / 4 for side in sides)
    assert found.total - found.images == pytest.approx([spread])
    # Of each side's spread the images explain 2^2.
    training = sum(max(side.values.var(ddof=1) - 4, 0) / 4 for side in sides)
    assert training > 0.05
    assert found.share == pytest.approx([training / (18 + spread)], rel=0.1)
    single = variance([Side(s.values[:1], s.samples[:, :1]) for s in sides], FREEDOM)
    assert single.images == pytest.approx([2 * (9 + 4)], rel=0.05)
    assert np.isnan(single.share) and single.training == ()
    assert single.freedom == FREEDOM


def test_degrees_of_freedom_are_satterthwaites():
    """Welch's, where images have no luck: scipy has both t and p of it."""
    a, b = np.array([[1.0], [2.0], [4.0]]), np.array([[3.0], [3.5], [5.0], [7.0]])
    sides = [Side(x, np.broadcast_to(x, (50, *x.shape))) for x in (a, b)]
    found = difference(a.mean(0) - b.mean(0), variance(sides, FREEDOM), 0.95)
    welch = stats.ttest_ind(a, b, equal_var=False)
    assert found.p == pytest.approx(welch.pvalue)
    low, high = welch.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.variance.share == 1
    # images 1 on 10, seeds 2 / 4 on 3 and 4 / 4 on 3
    parts = Variance(np.array(1.0), np.array(10.0), (2.0, 4.0), (4, 4))
    assert parts.freedom == pytest.approx(2.5**2 / (1 / 10 + 0.25 / 3 + 1 / 3))


def test_draws_without_an_object_are_left_out():
    samples = np.array([0.1, 0.3, np.nan, 0.2]).reshape(4, 1, 1)
    found = variance([Side(np.array([[0.2]]), samples)], FREEDOM)
    assert found.images == pytest.approx([0.01])


def test_seeds_are_paired_only_where_they_go_together():
    rng = np.random.default_rng(3)
    luck = np.linspace(-1, 1, 6)[:, None]
    order = [3, 1, 5, 0, 2, 4]
    apart = np.array([1, -1, 0.5, 1, -1, -0.5])[:, None]
    names = dict(a=range(6), b=order, c=range(6), d=range(7, 13))
    values = dict(a=luck, b=luck[order] + 5, c=apart, d=luck)
    values = {
        n: np.repeat(v, 13, 1) + 1e-3 * rng.random((6, 13)) for n, v in values.items()
    }
    samples = {name: np.repeat(v[None], 30, 0) for name, v in values.items()}
    full = Support(np.full(13, 50), np.full(13, 49.0), np.ones(13))
    sampled = Bootstrap(values, samples, full, {n: [*s] for n, s in names.items()})
    found = sampled.difference('b', 'a', 'AP')
    assert found.paired and found.variance.seeds == (6,)
    assert found.value == pytest.approx(5, abs=1e-3)
    assert found.variance.error < 1e-3
    for other in 'cd':  # other luck, other seeds
        found = sampled.difference(other, 'a', 'AP')
        assert not found.paired and found.variance.error > 0.3
    four = Bootstrap(
        dict(a=luck[:4].repeat(13, 1), b=luck[:4].repeat(13, 1) + 5),
        {name: samples['a'][:, :4] for name in 'ab'},
        full,
        dict(a=[0, 1, 2, 3], b=[0, 1, 2, 3]),
    )
    assert not four.difference('b', 'a', 'AP').paired


def test_groups_are_means_over_seeds_on_the_same_draws():
    runs, others = simulate(World(40, 3), [[0, 1], [0.5]], np.random.default_rng(1))
    group = bootstrap(dict(a=runs, b=others), 20, 5)
    alone = bootstrap(dict(x=runs[1], y=others[0]), 20, 5)
    np.testing.assert_array_equal(group.samples['a'][:, 1], alone.samples['x'][:, 0])
    assert group.values['a'].shape == (2, 15) and group.values['b'].shape == (1, 15)
    mean = (alone.mean('x', 'AP75') + group.values['a'][0, 2]) / 2
    assert group.mean('a', 'AP75') == pytest.approx(mean)
    assert group.mean('a', PER_CLASS).shape == (3,)
    # one run on one side: training luck is not known
    assert group.difference('b', 'a', 'AP').variance.training == ()
    with pytest.raises(ValueError, match='c has no run'):
        bootstrap(dict(a=runs, c=[]), 2)


def test_equivalence_is_two_one_sided_tests():
    v = Variance(np.array(0.04), np.array(20.0), (), (1, 1))
    found = difference(np.array(0.1), v, 0.9)
    assert equivalence(found, 0.5) == pytest.approx(stats.t.sf(0.4 / 0.2, 20))
    # it is 5 % where the 90 % interval reaches the margin
    assert equivalence(found, found.high) == pytest.approx(0.05)
    back = difference(np.array(-0.1), v, 0.9)
    assert equivalence(back, -back.low) == pytest.approx(0.05)
    with pytest.raises(ValueError, match='margin must be above 0, got -1'):
        equivalence(found, -1)


def test_the_smallest_difference_is_found_in_four_of_five_cases():
    v = Variance(np.array(0.0), np.array(50.0), (0.5, 0.5), (3, 3))
    size = smallest_difference(v)
    rng = np.random.default_rng(4)
    a, b = rng.normal(0, np.sqrt(0.5), (2, 20_000, 3))
    # equal variances: Welch's and Student's test have 4 degrees of freedom
    p = stats.ttest_ind(a + size, b, axis=1).pvalue
    assert (p < 0.05).mean() == pytest.approx(0.8, abs=0.012)
    assert smallest_difference(Variance(np.array(4.0), np.array(1e7), (), (1,))) == (
        pytest.approx(2 * (1.95996 + 0.84162), rel=1e-4)
    )


def test_seeds_needed():
    v = Variance(np.array(0.0), np.array(1e6), (1.0, 1.0), (3, 3))
    # normal theory: 2 * (1.96 + 0.84)^2 = 15.7 for a difference of one deviation
    assert seeds_needed(v, 1) == 17  # as tables of the t test have it
    assert (
        smallest_difference(v.with_seeds(17))
        <= 1
        < smallest_difference(v.with_seeds(16))
    )
    limited = Variance(np.array(1.0), np.array(1e6), (1.0, 1.0), (3, 3))
    assert seeds_needed(limited, 2) is None  # 2.8 with any number of seeds
    assert seeds_needed(Variance(np.array(1.0), np.array(9.0), (), (1, 1)), 9) is None
