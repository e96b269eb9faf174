"""Machine code is kept where that can be, and serves where it cannot."""

import errno

import numpy as np
import pytest
from numba.core.caching import FunctionCache, IndexDataCacheFile

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


def full(self, *args):
    raise OSError(errno.ENOSPC, 'No space left on device')


def of_another_user(self, *args):
    raise PermissionError(errno.EACCES, 'Permission denied')


ENDS = dict(index='nbi', code='nbc', short=None, full=full, foreign=of_another_user)


@pytest.mark.parametrize('end', ENDS.values(), ids=ENDS)
def test_files_that_do_not_serve(monkeypatch, tmp_path, end):
    """Cut to nothing or short, or not to be written or read: compiled all the same."""
    import numba

    monkeypatch.setattr(numba.config, 'CACHE_DIR', str(tmp_path))
    if end is full:
        monkeypatch.setattr(IndexDataCacheFile, '_open_for_write', full)
    assert compiled.compiled()(add_up)(np.arange(5.0)) == 10.0
    if end is of_another_user:
        monkeypatch.setattr(IndexDataCacheFile, '_load_index', end)
    for path in tmp_path.rglob('*.nb?'):
        if end in ('nbi', 'nbc') and path.suffix == f'.{end}':
            path.write_bytes(b'')
        elif end is None:
            path.write_bytes(path.read_bytes()[:-9])
    again = compiled.compiled()(add_up)
    assert again(np.arange(6.0)) == 15.0
    assert sum(again.stats.cache_hits.values()) == 0
    if not callable(end):  # fixed
        mended = compiled.compiled()(add_up)
        assert mended(np.arange(7.0)) == 21.0
        assert sum(mended.stats.cache_hits.values()) == 1
