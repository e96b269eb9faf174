"""Settings of the wrong kind are told of before anything reads them."""

import pytest
from mmengine.config import Config

from eca_mm.engine.preflight.shape import shape_findings


def lines(seed) -> list[str]:
    cfg = Config(dict(model=dict(type='RetinaNet'), randomness=dict(seed=seed)))
    return [finding.line() for finding in shape_findings(cfg)]


@pytest.mark.parametrize('seed', [1.5, '3', True])
def test_a_seed_numpy_cannot_take(seed):
    (line,) = lines(seed)
    assert f'randomness.seed is {seed!r}, and not a whole number' in line


@pytest.mark.parametrize('seed', [0, 3, None])
def test_a_seed_of_the_right_kind(seed):
    assert lines(seed) == []
