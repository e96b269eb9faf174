"""Groups of seeds in the report: what is shown of them, and requests that are wrong."""

import csv
import json
import shutil
import sys

import numpy as np
import pytest
from report_runs import make_file, make_truth, make_work_dir

from eca_mm.cli import run_command
from eca_mm.evaluation.bootstrap import figures
from eca_mm.evaluation.matching import match
from eca_mm.report.groups import read_groups
from eca_mm.report.write import write_report


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Six result files on 40 images, and a work dir; the data of another set."""
    root = tmp_path_factory.mktemp('groups')
    coco = make_truth(root, images=40, classes=2)
    for i in range(3):
        make_file(root, coco, f'none{i}', 10 + i)
        make_file(root, coco, f'eca{i}', 20 + i, box_noise=0.03)
    shutil.copy(root / 'eca0.json', root / 'copy.json')
    (root / 'empty.json').write_text('[]')
    make_work_dir(root, coco, 'run', 2, 'a.py')
    make_work_dir(root, coco, 'again', 3, 'a.py')
    return root


@pytest.fixture
def call(root, tmp_path, monkeypatch, capsys):
    """Run the tool in ``root``; returns its status and the lines on stderr."""
    monkeypatch.chdir(root)

    def run(*arguments: str) -> tuple[int, list[str]]:
        fixed = ['--ann', 'ann.json', '--out', str(tmp_path / 'out'), '--replicates=30']
        monkeypatch.setattr(sys, 'argv', ['report.py', *arguments, *fixed])
        status = run_command('report')
        return status, capsys.readouterr().err.splitlines()

    return run


NONE, ECA = (f'{n}={n}0.json,{n}1.json,{n}2.json' for n in ('none', 'eca'))


def test_a_report_of_two_groups(root, call, tmp_path):
    status, said = call(NONE, ECA, '--margin', '1')
    assert (status, said) == (0, [])
    out = tmp_path / 'out'
    rows = list(csv.DictReader((out / 'report_data/scores_bbox.csv').open()))
    first = {row['run']: row for row in rows if row['figure'] == 'AP'}
    aps = {
        name: [
            figures(match(root / 'ann.json', root / f'{name}{i}.json'))['AP']
            for i in range(3)
        ]
        for name in ('none', 'eca')
    }
    for name, found in aps.items():
        assert float(first[name]['value']) == pytest.approx(np.mean(found))
        assert first[name]['seeds'] == '3'
    eca = first['eca']
    gap = np.mean(aps['eca']) - np.mean(aps['none'])
    assert float(eca['difference_value']) == pytest.approx(gap)
    luck = list(csv.DictReader((out / 'report_data/luck_bbox.csv').open()))[0]
    spread = sum(np.var(found, ddof=1) / 3 for found in aps.values())
    training, images = (float(luck[f'variance_{k}']) for k in ('training', 'images'))
    assert 0 <= training < spread  # the rest is what the images do to one run alone
    assert training + images == pytest.approx(float(luck['standard_error']) ** 2)
    share = training / (training + images)
    assert float(eca['training_share']) == pytest.approx(share)
    text = (out / 'report.md').read_text()
    assert f'With 3 and 3 seeds, training is {share:.0%} of the variance' in text
    assert 'exceeds the noise of images and seeds' in text and eca['mark'] == 'better'
    assert 'Not shown to be equivalent within 1.0 points of AP' in text
    assert 'Training luck is not in' not in text
    assert 'of one run of each group: none 1, eca 1.' in text
    assert '| eca (mean of 3 seeds) |' in text and '| images with objects |' in text
    summary = json.loads((out / 'report_data/summary.json').read_text())
    assert summary['groups']['eca'] == ['eca 1', 'eca 2', 'eca 3']
    curves = csv.DictReader((out / 'report_data/curves_bbox.csv').open())
    assert {row['run'] for row in curves} == {'none', 'eca'}


def test_one_run_a_side_says_that_training_luck_is_not_in_it(call, tmp_path):
    assert call('none=none0.json', 'copy=none0.json', '--margin', '0.5')[0] == 0
    text = (tmp_path / 'out/report.md').read_text()
    assert 'Training luck is not in a comparison that has one run on a side' in text
    assert 'not distinguishable, which does not say that they are equal.' in text
    assert 'Equivalent within 0.5 points of AP, as far as images tell' in text
    assert 'mean of' not in text and 'of one run of each group' not in text


@pytest.mark.parametrize(
    ('requests', 'said'),
    [
        ([NONE, 'eca=eca0.json,,eca2.json'], 'eca has an empty entry'),
        ([NONE, 'eca=eca0.json,'], 'eca has an empty entry'),
        ([NONE, 'eca='], 'eca has an empty entry'),
        ([NONE, 'eca0.json,eca1.json'], 'has no name: a group of seeds is NAME='),
        ([NONE, 'eca=eca0.json,./eca0.json'], 'eca has the same run twice: eca0.json'),
        ([NONE, 'eca=eca0.json,copy.json'], 'eca 1 and eca 2 have the same detections'),
        ([NONE, 'eca=eca1.json,none2.json'], 'none 3 and eca 2 have the same detec'),
        ([NONE, 'eca=eca0.json,absent.json'], 'absent.json not found'),
        ([NONE, 'eca=eca0.json,pictures'], 'work dir pictures has no results: run'),
        (['a=run,eca1.json', 'b=none1.json'], 'a 2 has no mask results, as a 1 has'),
        ([NONE, 'none=eca0.json'], 'two runs are called none'),
        ([NONE, 'none 2=eca0.json'], 'two runs are called none 2'),
        ([NONE, ECA, '--baseline', 'none 1'], 'the runs are none, eca'),
    ],
)
def test_wrong_groups(call, tmp_path, requests, said):
    status, lines = call(*requests)
    assert (status, len(lines)) == (2, 1) and said in lines[0]
    assert not (tmp_path / 'out').exists()


def test_groups_of_other_data(root, call, tmp_path):
    other = tmp_path / 'other'
    shutil.copytree(root / 'run', other)
    record = json.loads((other / 'results.json').read_text())
    record['classes'] = ['cat', 'dog']
    (other / 'results.json').write_text(json.dumps(record))
    status, lines = call(f'a=run,{other}', 'b=none0.json')
    assert (status, len(lines)) == (2, 1) and 'not have the same classes' in lines[0]
    rows = json.loads((root / 'eca1.json').read_text())
    (tmp_path / 'far.json').write_text(json.dumps([dict(rows[0], image_id=10**9)]))
    status, lines = call(NONE, f'a=eca0.json,{tmp_path / "far.json"}')
    assert (status, len(lines)) == (2, 1) and 'image_id 1000000000' in lines[0]


@pytest.mark.parametrize('margin', ['0', '-1', 'nan', '100'])
def test_wrong_margins(call, margin):
    status, lines = call(NONE, f'--margin={margin}')
    assert (status, len(lines)) == (2, 1) and 'a margin is points' in lines[0]


def test_trainings_of_a_group_are_all_drawn(call, tmp_path):
    assert call('a=run,again', 'b=none0.json')[0] == 0
    rows = csv.DictReader((tmp_path / 'out/report_data/training.csv').open())
    assert {row['run'] for row in rows} == {'a 1', 'a 2'}


def test_runs_that_found_nothing_are_no_copies(root, call, tmp_path):
    shutil.copy(root / 'empty.json', tmp_path / 'empty.json')
    assert call('a=none0.json', f'b=empty.json,{tmp_path / "empty.json"}')[0] == 0
    assert '| b (mean of 2 seeds) | 0.0 ▼ (no interval' in (
        (tmp_path / 'out/report.md').read_text()
    )


def test_a_campaign_hands_its_groups_over(root, tmp_path):
    """Names with their paths: a comma in a path is a letter like any other."""
    odd = tmp_path / 'a,b=c'
    odd.mkdir()
    for i in range(2):
        shutil.copy(root / f'eca{i}.json', odd / f'{i}.json')
    groups = dict(x=[odd / '0.json', odd / '1.json'], y=[root / 'none0.json'])
    assert [len(group.runs) for group in read_groups(groups)] == [2, 1]
    page = write_report(groups, tmp_path / 'out', ann=root / 'ann.json', replicates=5)
    text = page.with_name('report.md').read_text()
    assert '| x (mean of 2 seeds) |' in text and '| y |' in text
    assert 'Training luck is not in' in text
    # on a command line, a path that is there is taken as it stands
    (group,) = read_groups([f'z={odd / "0.json"}'])
    assert group.name == 'z' and len(group.runs) == 1
