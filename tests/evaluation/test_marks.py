import numpy as np
import pytest

from eca_mm.evaluation.bootstrap import bootstrap
from eca_mm.evaluation.difference import Difference
from eca_mm.evaluation.marks import benjamini_hochberg, holm, marks
from eca_mm.simulation.seeded_runs import World, simulate

P = np.array([0.04, 0.001, 0.03, 0.5])


def test_adjustments_by_hand():
    # Holm: 4 * 0.001, 3 * 0.03, then no less than that, then 1 * 0.5
    assert holm(P) == pytest.approx([0.09, 0.004, 0.09, 0.5])
    assert holm(np.array([0.6, 0.7])) == pytest.approx([1, 1])
    # Benjamini-Hochberg: 0.001 * 4 / 1; 0.03 * 4 / 2 but no more than 0.04 * 4 / 3
    expected = [0.16 / 3, 0.004, 0.16 / 3, 0.5]
    assert benjamini_hochberg(P) == pytest.approx(expected)


@pytest.fixture(scope='module')
def sampled():
    """Two classes, the second in too few images; b is better, c is not."""
    world = World(120, 2, frequency=np.array([0.9, 0.02]))
    arms = [[0.5], [1.2], [0.5]]
    runs = simulate(world, arms, np.random.default_rng(0))
    return bootstrap(dict(zip('abc', runs, strict=True)), 100, progress=False)


def test_ap_has_a_level_of_its_own_and_the_others_share_one(sampled):
    world = World(120, 1)
    runs = simulate(world, [[0.5], [0.9], [0.5]], np.random.default_rng(2))
    one = bootstrap(dict(zip('abc', runs, strict=True)), 100, progress=False)
    found = marks(dict(bbox=one), 'a', ('AP', 'AP50', 'AP75'))
    raw = [one.difference(n, 'a', 'AP').p for n in 'bc']
    assert [found.p_of('bbox', n, 'AP') for n in 'bc'] == pytest.approx(
        holm(np.array(raw)).tolist()
    )
    assert (found.primary, found.others) == (2, 2 * 3)  # AP50, AP75 and the class
    assert found.mark('bbox', 'b', 'AP') == 'better'
    assert found.mark('bbox', 'c', 'AP') == ''
    back = marks(dict(bbox=one), 'b', ('AP',))
    assert back.mark('bbox', 'a', 'AP') == 'worse'
    for key, p in found.p.items():
        level = 0.05 if key[2] == 'AP' else 0.02
        assert bool(found.mark(*key)) == (p < level)


def test_what_has_no_p_is_in_no_family(sampled):
    found = marks(dict(bbox=sampled), 'a', ('AP', 'AP50'))
    assert (found.primary, found.others) == (0, 2)  # the first class of b and of c
    assert np.isnan(found.p_of('bbox', 'b', 1)) and found.mark('bbox', 'b', 1) == ''
    assert found.mark('bbox', 'b', 0) == 'better'


def test_the_two_levels():
    """AP at 0.04 is marked; AP50, adjusted 2 * 0.015 = 0.03, is not."""
    p = dict(AP=0.04, AP50=0.015)

    class Told:
        values = dict(a=None, b=None)

        def difference(self, name, baseline, figure):
            alone = figure in p
            value, found = (0.1, p[figure]) if alone else np.array([[0.1], [0.9]])
            return Difference(value, -1, 1, found, None)

    found = marks(dict(bbox=Told()), 'a', ('AP', 'AP50'))
    assert found.p_of('bbox', 'b', 'AP50') == pytest.approx(0.03)
    assert found.signs == {('bbox', 'b', 'AP'): 'better'}
    p['AP50'] = 0.009
    again = marks(dict(bbox=Told()), 'a', ('AP', 'AP50'))
    assert again.mark('bbox', 'b', 'AP50') == 'better'
