"""Settings of the wrong kind are told of before anything reads them."""

import pytest
from mmengine.config import Config

from eca_mm.engine.preflight.shape import scope_findings, shape_findings


def lines(seed) -> list[str]:
    cfg = Config(dict(model=dict(type='RetinaNet'), randomness=dict(seed=seed)))
    return [finding.line() for finding in shape_findings(cfg)]


@pytest.mark.parametrize('seed', [1.5, '3', True, -1, 2**32])
def test_a_seed_numpy_cannot_take(seed):
    (line,) = lines(seed)
    assert f'randomness.seed is {seed!r}, not ' in line


@pytest.mark.parametrize('seed', [0, 2**32 - 1, None])
def test_a_seed_of_the_right_kind(seed):
    assert lines(seed) == []


@pytest.mark.parametrize(
    ('kind', 'scope', 'is_told'),
    [
        ('RetinaNet', {}, True),
        ('mmdet.RetinaNet', {}, False),
        ('ECA', {}, False),  # ours are in mmengine's registry
        ('RetinaNet', dict(default_scope='mmdet'), False),
    ],
)
def test_a_name_that_needs_a_scope(kind, scope, is_told):
    cfg = Config(dict(model=dict(type=kind), **scope))
    assert [f.remedy for f in scope_findings(cfg)] == (
        ["set default_scope='mmdet'"] if is_told else []
    )
