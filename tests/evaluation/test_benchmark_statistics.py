"""Short simulations of the statistics, and the tool that runs the long ones."""

import csv
import sys
from functools import partial

import benchmark_statistics as tool
import numpy as np
import pytest
from scipy import stats

from eca_mm.engine import exit_status
from eca_mm.simulation import experiments
from eca_mm.simulation.seeded_runs import World


def simulator(reports: int, seed: int) -> experiments.Simulator:
    return experiments.Simulator(reports, 80, np.random.default_rng(seed))


def bounds(share: float, reports: int) -> tuple[float, float]:
    """Between which a share lies in 99.8 % of simulations, as a share."""
    ends = stats.binom.ppf([0.001, 0.999], reports, share)
    return tuple(ends / reports)


@pytest.mark.parametrize('spread', [0, 0.15, 0.5])
def test_a_difference_of_three_seeds_a_side_is_covered(spread):
    """True difference 0, which the plain bootstrap over images misses with the luck."""
    sim = simulator(120, int(100 * spread))

    def make():
        luck = 0.5 + spread * sim.rng.standard_normal((2, 3))
        return sim.sampled(World(40), luck.tolist())

    found = experiments.covered(sim, make, 0, 'b', 'a')
    low, _ = bounds(0.95, 120)
    assert found['ours'] >= low
    assert spread < 0.5 or found['plain'] < low


def test_coverage_with_any_number_of_seeds_and_any_training_luck():
    """Normal figures: 2,000 reports a setting, of which 92 to 97 % hold the truth."""
    for row in experiments.normal(simulator(200, 7)):
        assert row['seeds'] == 2 or 0.92 < row['ours'] < 0.97, row
        assert row['seed_variance'] < 10 or row['plain'] < 0.8, row


def test_a_difference_that_is_there_is_covered():
    sim, world, arms = simulator(120, 5), World(40), [[0.5], [1.2]]
    low, high = (sim.truth(world, arm)[0] for arm in arms)
    assert high - low > 0.15
    make = partial(sim.sampled, world, arms)
    found = experiments.covered(sim, make, high - low, 'b', 'a')
    assert found['given'] == 1 and found['ours'] >= bounds(0.95, 120)[0]
    elsewhere = experiments.covered(sim, make, low - high, 'b', 'a')
    assert elsewhere['ours'] < 0.1


def test_time_and_memory_of_one_bootstrap():
    (row,) = tool.size(simulator(1, 0), images=40, draws=20)
    assert row['images'] == 40 and row['seeds'] == 3
    assert row['seconds'] > 0 and row['wall'] > 0 and row['peak_mib'] > 50


def test_marks_of_runs_that_do_not_differ_are_few():
    sim = simulator(200, 1)
    found = experiments.marked(sim, World(10, objects=4), [[0.5], [0.5]])
    most = bounds(0.06, 200)[1]
    assert found['given'] == 1 and found['ours'] <= most < found['plain']
    assert experiments.marked(sim, World(9), [[0], [0]])['given'] == 0


@pytest.mark.parametrize('skill', [-1.2, 2.4, 3])
def test_the_interval_of_one_run_holds_near_the_ends(skill):
    sim = simulator(150, int(10 * skill) + 50)
    true = np.mean(sim.truth(World(1), [skill] * 2))
    make = partial(sim.sampled, World(20), [[skill]])
    found = experiments.covered(sim, make, true, 'a')
    low, _ = bounds(0.95, 150)
    assert found['ours'] >= low > found['plain']


def test_a_report_of_equals_has_few_marks():
    (row, _) = experiments.report(simulator(80, 3))
    assert row['ours'] <= bounds(0.07, 40)[1] < row['plain']


def test_rows(monkeypatch, tmp_path, capsys):
    out = tmp_path / 'rows.csv'
    wanted = ['--study', 'rare', '--reports', '2', '--draws', '5', '--out', str(out)]
    monkeypatch.setattr(sys, 'argv', ['tool', *wanted])
    assert exit_status(tool.main) == 0
    first, *_ = rows = list(csv.DictReader(out.open()))
    assert [row['classes'] for row in rows] == ['2', '10', '16']
    assert first['commit'] and first['reports'] == '2' and first['study'] == 'rare'
    monkeypatch.setattr(sys, 'argv', ['tool', '--out', str(tmp_path / 'no/rows.csv')])
    assert exit_status(tool.main) == 2
    assert 'no folder' in capsys.readouterr().err
