"""tools/matrix.py: what it makes of what was run. The runs are its own job."""

import csv
import json
import sys

import pytest

from combinations import cli, records, table
from combinations.detections import DifferentError, compare
from combinations.phases import PHASES, FailedError, Place, count, run
from combinations.rows import REFERENCE, ROWS, find_python
from installer.versions import require_torch

BOXES = [
    dict(image_id=1, category_id=2, score=0.9, bbox=[1.0, 2.0, 30.0, 40.0]),
    dict(image_id=1, category_id=2, score=0.5, bbox=[5.0, 6.0, 10.0, 10.0]),
    dict(image_id=2, category_id=2, score=0.5, bbox=[5.0, 6.0, 10.0, 10.0]),
]


@pytest.fixture
def compared(tmp_path):
    """Compares BOXES with others."""

    def run(others: list[dict], boxes=BOXES):
        for name, found in (('a', boxes), ('b', others)):
            (tmp_path / f'{name}.json').write_text(json.dumps(found))
        return compare(tmp_path / 'a.json', tmp_path / 'b.json', 128)

    return run


def changed(index: int, **values) -> list[dict]:
    return [{**box, **(values if i == index else {})} for i, box in enumerate(BOXES)]


def test_the_same_detections_pass_in_any_order(compared):
    assert compared(BOXES[::-1]) == (3, 0)
    # A pixel is 1/128 of a side: 0.001 of one is 7.8e-6.
    number, worst = compared(changed(0, bbox=[1.001, 2.0, 30.0, 40.0]))
    assert (number, round(worst, 8)) == (3, 7.81e-6)


def test_what_swaps_places_with_a_neighbour_is_not_different(compared):
    """Two of about the same score, whose order is chance."""
    tie = [{**BOXES[0], 'score': 0.5 + 2e-7}, BOXES[1]]
    swapped = [{**BOXES[0], 'score': 0.5}, {**BOXES[1], 'score': 0.5 + 2e-7}]
    assert compared(swapped, tie)[1] < 1e-6


@pytest.mark.parametrize(
    ('others', 'said'),
    [
        (changed(0, score=0.90002), 'differs by 2.0e-05'),
        (changed(1, bbox=[5.002, 6.0, 10.0, 10.0]), 'differs by 1.6e-05'),
        (changed(2, category_id=3), 'detections instead of'),
        (BOXES[:2], 'image 2, class 2: 0 detections instead of 1'),
        ([*BOXES, {**BOXES[0], 'image_id': 9}], 'image 9, class 2: 1 detections'),
    ],
)
def test_other_detections_are_told(compared, others, said):
    with pytest.raises(DifferentError, match=said):
        compared(others)


def test_nothing_detected_proves_nothing(compared):
    with pytest.raises(DifferentError, match='nothing was detected'):
        compared([], [])


def test_no_row_is_known_to_be_impossible(monkeypatch):
    assert len({row.name for row in ROWS}) == len(ROWS)
    for row in ROWS:
        version = tuple(map(int, row.python.split('.')))
        monkeypatch.setattr(sys, 'version_info', (*version, 0))
        require_torch(row.torch)


def test_a_python_that_is_not_there_is_not_found(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('PATH', str(tmp_path))
    assert find_python('3.99') is None
    python = tmp_path / '.pyenv/versions/3.99.1/bin/python3.99'
    python.parent.mkdir(parents=True)
    python.touch()
    assert find_python('3.99') == str(python)


def test_a_failed_command_is_its_last_line(tmp_path):
    place = Place(REFERENCE, tmp_path, tmp_path)
    program = 'print("first"); raise SystemExit("the last line")'
    with pytest.raises(FailedError, match='exit status 1: the last line'):
        run(place, 'phase', sys.executable, '-c', program)
    assert 'first' in (tmp_path / 'phase.log').read_text()


def test_no_folder_of_this_machine_gets_into_the_table():
    """The rest of a message stays: slashes of other things are not folders."""
    said = 'exit status 1: no /home/me/a.b-c/x.pth, 3/4 and (limit 1e-05) (see /tmp/y)'
    wanted = 'exit status 1: no x.pth, 3/4 and (limit 1e-05)'
    assert table.public(said) == wanted
    assert table.public('600 within 0e+00 (limit 1e-05)').endswith('(limit 1e-05)')


def test_counts_of_tests(tmp_path):
    report = tmp_path / 'tests.xml'
    report.write_text(
        '<testsuites><testsuite tests="7" failures="1" errors="1" skipped="2"/>'
        '</testsuites>'
    )
    assert count(report) == '3 passed, 2 failed, 2 skipped'


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Phases that do nothing; a name in the set that is returned fails."""
    failing = set()

    def phase(name):
        def done(*_):
            if name in failing:
                raise FailedError(f'{name} | broke')
            return 'passed'

        return done

    monkeypatch.setattr(cli, 'install', phase('install'))
    monkeypatch.setattr(cli, 'versions', lambda place: {'torch': '2.13.0+cpu'})
    monkeypatch.setattr(cli, 'PHASES', {name: phase(name) for name in PHASES})
    monkeypatch.setattr(cli, 'find_python', lambda version: '/python')
    monkeypatch.setattr(cli, 'REPO', tmp_path)
    monkeypatch.setattr(records, 'commit', lambda: 'abc1234')
    monkeypatch.setattr(cli.shutil, 'rmtree', lambda *_, **__: None)
    (tmp_path / 'docs').mkdir()
    return failing


def matrix(tmp_path, *arguments) -> tuple[int, list[dict[str, str]]]:
    """Runs the command line; returns its exit status and the table."""
    status = cli.main(['--folder', str(tmp_path / 'rows'), *arguments])
    path = tmp_path / 'docs/matrix.csv'
    return status, list(csv.DictReader(path.open())) if path.exists() else []


def test_a_failure_is_in_the_table_and_what_was_not_run(fake, tmp_path, capsys):
    fake.add('install')
    status, rows = matrix(tmp_path, '--only', ROWS[1].name)
    assert status == 2, 'without the reference there is nothing to compare with'
    assert ROWS[0].name in capsys.readouterr().err and not rows
    fake.clear()
    assert matrix(tmp_path, '--only', ROWS[0].name)[0] == 0
    fake.add('resume')
    status, rows = matrix(tmp_path, '--only', ROWS[1].name, '--because', 'no time')
    assert status == 1
    assert rows[0]['resume'] == 'passed' and rows[0]['torch'] == '2.13.0+cpu'
    assert rows[1]['train'] == 'passed' and rows[1]['tests'] == 'passed'
    assert rows[1]['resume'] == 'FAILED: resume | broke'
    assert {row['install'] for row in rows[2:]} == {'not run: no time'}
    page = (tmp_path / 'docs/matrix.md').read_text()
    assert 'FAILED: resume / broke' in page and 'commit abc1234' in page


def test_a_row_that_passed_is_not_run_again(fake, tmp_path, capsys, monkeypatch):
    name = ROWS[0].name
    assert matrix(tmp_path, '--only', name)[0] == 0
    fake.add('train')
    assert matrix(tmp_path, '--only', name)[0] == 0
    assert 'passed at this commit already' in capsys.readouterr().out
    monkeypatch.setattr(records, 'commit', lambda: 'def5678')
    assert matrix(tmp_path, '--only', name)[0] == 2, 'another commit is run again'


def test_the_committed_table_has_every_row(repo):
    """A row that is new is in the table, if only as one that was not run."""
    rows = list(csv.DictReader((repo / 'docs/matrix.csv').open()))
    wanted = [(row.python, row.stack) for row in ROWS]
    assert [(row['python'], row['stack']) for row in rows] == wanted
    assert list(rows[0])[-3:] == ['device', 'commit', 'date']
    assert {'install', *PHASES} <= rows[0].keys()
    assert table.HEAD.splitlines()[0] in (repo / 'docs/matrix.md').read_text()
