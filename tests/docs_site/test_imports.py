"""docs/architecture.md: its picture and its list, against the sources.

That imports keep the order is tests/test_import_order.py's.
"""

from pathlib import Path

from docs_site.imports import direct, imported, imports, parts, rows, steps
from docs_site.picture import PAGE, PICTURE, drawn, renewed


def test_page_and_picture_are_of_these_imports():
    """Else: PYTHONPATH=tools python -m docs_site.picture"""
    assert PICTURE.read_text() == drawn()
    page = PAGE.read_text()
    assert renewed(page) == page
    assert f'{len(steps())}. `cli`: the commands\n' in page
    spoilt = page.replace('`cli`: the', '`cli`: no')
    assert spoilt != page and renewed(spoilt) == page


def test_every_part_is_in_list_and_picture():
    named = [name for names, _ in steps() for name in names]
    assert sorted(named) == sorted(parts())
    picture = drawn()
    assert all(f'>{name}</text>' in picture for name in parts())
    assert {'functional', 'layers', 'report', 'cli'} <= parts()


def test_imports_are_read():
    source = (
        'import eca_mm.files\nfrom . import base\nfrom .. import fused\n'
        'def late():\n    from ..host import versions\n    import torch\n'
    )
    found = imported(source, Path('eca_mm/layers/eca.py'))
    assert list(found) == ['files', 'layers', 'fused', 'host']
    found = imports()
    assert 'functional' in found['layers'] and 'checkpoints' in found['engine']


def test_rows_and_arrows_by_hand():
    found = {'a': {'b', 'c'}, 'b': {'c'}, 'c': set(), 'd': {'c'}}
    assert rows(found) == [['c'], ['b', 'd'], ['a']]
    assert sorted(direct(found)) == [('a', 'b'), ('b', 'c'), ('d', 'c')]
