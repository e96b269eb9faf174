import csv
import sys

import benchmark_coco_eval as tool
import numpy as np
import pytest

from eca_mm.engine import exit_status

SMALL = ['--images', '12', '--classes', '5', '--seed', '3']


@pytest.fixture
def run(monkeypatch):
    """Run the tool with these arguments, as the command line does."""

    def run(*arguments) -> int:
        monkeypatch.setattr(sys, 'argv', ['tool', *SMALL, *map(str, arguments)])
        return exit_status(tool.main)

    return run


def test_rows(run, tmp_path, capsys):
    out = tmp_path / 'times.csv'
    assert run('--iou-type', 'bbox', 'segm', '--rounds', 2, '--out', out) == 0
    rows = list(csv.DictReader(out.open()))
    assert [(row['iou_type'], row['backend']) for row in rows] == [
        (kind, backend) for kind in ('bbox', 'segm') for backend in tool.BACKENDS
    ]
    for row in rows:
        assert float(row['difference']) < 1e-15
        assert row['images'] == '12' and int(row['detections']) > 100
        assert row['device'] and row['version'] and row['commit']
    reference = [row for row in rows if row['backend'] == 'pycocotools']
    assert [row['ratio'] for row in reference] == ['1.0', '1.0']
    assert 'hotcoco' in capsys.readouterr().out


def test_ratios_are_of_rounds_and_medians():
    seconds = dict(pycocotools=[10.0, 30.0, 20.0], hotcoco=[1.0, 1.0, 4.0])
    figures = dict(pycocotools=np.array([0.5, 0.25]), hotcoco=np.array([0.5, 0.375]))
    row = tool.make_row('hotcoco', seconds, figures)
    assert (row['seconds'], row['ratio'], row['difference']) == (1, 10, 0.125)


def test_a_wrong_figure_is_status_1(run, monkeypatch, tmp_path):
    right = tool.evaluate_files

    def wrong(*args):
        evaluation = right(*args)
        evaluation.stats[3] += 1e-9 * (args[-1] == 'hotcoco')
        return evaluation

    monkeypatch.setattr(tool, 'evaluate_files', wrong)
    assert run() == 1


def test_wrong_requests(run, monkeypatch, capsys, tmp_path):
    assert run('--out', tmp_path / 'nowhere/times.csv') == 2
    assert 'nowhere' in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        run('--rounds', 0)
    assert end.value.code == 2
    monkeypatch.setitem(sys.modules, 'hotcoco', None)
    assert run() == 2
    assert 'pip install hotcoco' in capsys.readouterr().err


def test_help_teaches(run, capsys):
    with pytest.raises(SystemExit) as end:
        run('--help')
    assert not end.value.code
    text = capsys.readouterr().out
    assert 'examples:' in text and '--iou-type' in text
