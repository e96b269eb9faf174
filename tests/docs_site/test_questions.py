"""CONTRIBUTING.md's list of where things are."""

import re

import pytest

from docs_site.questions import PAGE, ROW, line_of, renewed


def test_lines_are_where_the_names_are():
    """Else: PYTHONPATH=tools python -m docs_site.questions"""
    page = PAGE.read_text()
    rows = [*ROW.finditer(page)]
    assert len(rows) == len(re.findall(r'^\| Where ', page, re.MULTILINE)) == 10
    wrong = {
        f'{row["path"]}:{row["line"]}': line_of(row['path'], row['name'])
        for row in rows
        if line_of(row['path'], row['name']) != int(row['line'])
    }
    assert wrong == {} and renewed(page) == page


def test_a_wrong_line_is_seen():
    page = PAGE.read_text()
    row = ROW.search(page)
    line = row['line']
    moved = row[0].replace(f':{line}]', ':1]').replace(f'#L{line})', '#L1)')
    assert moved != row[0] and renewed(page.replace(row[0], moved)) == page
    with pytest.raises(ValueError, match='defines no_such_name 0 times'):
        line_of('eca_mm/functional.py', 'no_such_name')
