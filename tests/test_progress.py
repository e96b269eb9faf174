"""The one progress bar: what is shown on a terminal, and nothing elsewhere."""

import sys

import pytest

from eca_mm.progress import progress, track


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv('FORCE_COLOR', '1')
    monkeypatch.setenv('COLUMNS', '100')


def test_on_a_terminal_it_shows_how_many_are_done(terminal, capsys):
    with progress(2, 'images') as bar:
        bar.grow(3)
        bar.update(4)
    assert (bar.done, bar.total) == (4, 5)
    out, shown = capsys.readouterr()
    assert not out and 'images' in shown and '4/5' in shown


def test_track_gives_the_items_and_counts_them(terminal, capsys):
    assert list(track('abc', 'letters')) == ['a', 'b', 'c']
    assert '3/3' in capsys.readouterr().err
    assert list(track(iter('ab'), 'letters')) == ['a', 'b']
    assert '2/?' in capsys.readouterr().err


@pytest.mark.parametrize('case', ['no terminal', 'not asked for', 'no rich'])
def test_silence(monkeypatch, capsys, case):
    if case != 'no terminal':
        monkeypatch.setenv('FORCE_COLOR', '1')
    if case == 'no rich':
        monkeypatch.setitem(sys.modules, 'rich.console', None)
    assert list(track([1, 2], 'things', shown=case != 'not asked for')) == [1, 2]
    assert capsys.readouterr() == ('', '')
