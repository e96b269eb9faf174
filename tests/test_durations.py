"""The marks ``slow`` and the record of durations agree; no time is measured here."""

import pytest
from durations import RECORD, TESTS, functions, measured, read, write

SLOW = 20  # seconds, as pyproject.toml says of the mark
# A machine's speed varies: between these both a mark and none are right.
LEAST, MOST = SLOW / 2, SLOW * 1.5


def wrong(seconds: dict[str, float], marked: dict[str, bool]) -> list[str]:
    """What does not fit: a mark without the time, or the time without a mark."""
    found = [
        f'{name} took {seconds.get(name, 0):.0f} s and is marked slow'
        for name, slow in marked.items()
        if slow and seconds.get(name, 0) < LEAST
    ]
    return found + [
        f'{name} took {took:.0f} s and is not marked slow'
        for name, took in seconds.items()
        if took > MOST and not marked.get(name, True)
    ]


def test_marks_are_as_the_record_says():
    if not RECORD.exists():
        pytest.skip('no record yet: make test; python tests/durations.py')
    assert wrong(read(RECORD), dict(functions(TESTS))) == []


def test_a_record_of_a_report_by_hand(tmp_path):
    report, record = tmp_path / 'tests.xml', tmp_path / 'durations.csv'
    report.write_text(
        '<testsuites><testsuite>'
        '<testcase classname="tests.a.test_a" name="test_x[1]" time="21.6"/>'
        '<testcase classname="tests.a.test_a" name="test_x[2]" time="40.4"/>'
        '<testcase classname="tests.a.test_a" name="test_y" time="4.9"/>'
        '<testcase classname="tests.test_b" name="test_z" time="5"/>'
        '</testsuite></testsuites>'
    )
    write(measured(report), record)
    assert record.read_text() == (
        'test,seconds\ntests.a.test_a.test_x,40\ntests.test_b.test_z,5\n'
    )
    names = ('tests.a.test_a.test_x', 'tests.a.test_a.test_y', 'tests.test_b.test_z')
    assert wrong(read(record), dict.fromkeys(names, False)) == [
        'tests.a.test_a.test_x took 40 s and is not marked slow'
    ]
    assert wrong(read(record), dict(zip(names, (True, True, True), strict=True))) == [
        'tests.a.test_a.test_y took 0 s and is marked slow',
        'tests.test_b.test_z took 5 s and is marked slow',
    ]
    # A test that is gone since is not missed.
    assert wrong({'tests.gone': 99.0}, {}) == []


def test_marks_are_read(tmp_path):
    path = tmp_path / 'tests/a/test_a.py'
    path.parent.mkdir(parents=True)
    path.write_text(
        'import pytest\n'
        '@pytest.mark.slow\ndef test_x(): ...\n'
        'def test_y(): ...\ndef helper(): ...\n'
        "@pytest.mark.parametrize('b', [pytest.param(1, marks=pytest.mark.slow)])\n"
        'def test_z(b): ...\n'
    )
    assert dict(functions(tmp_path / 'tests')) == {
        'tests.a.test_a.test_x': True,
        'tests.a.test_a.test_y': False,
        'tests.a.test_a.test_z': True,
    }
