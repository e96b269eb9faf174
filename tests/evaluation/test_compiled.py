"""Machine code is kept where that can be, and serves where it cannot."""

import numpy as np
import pytest
from numba.core.caching import FunctionCache

from eca_mm.evaluation import compiled


def add_up(values):
    total = 0.0
    for value in values:
        total += value
    return total


@pytest.mark.parametrize('writable', [True, False])
def test_with_a_place_for_it_and_without(monkeypatch, tmp_path, writable):
    import numba

    monkeypatch.setattr(numba.config, 'CACHE_DIR', str(tmp_path))
    if not writable:

        def nowhere(self, function):
            raise RuntimeError('cannot cache function: no locator available')

        monkeypatch.setattr(FunctionCache, '__init__', nowhere)
    fast = compiled.compiled(nogil=True)(add_up)
    assert fast(np.arange(5.0)) == 10.0
    assert bool([*tmp_path.rglob('*.nbc')]) == writable
